WITH documents AS (
  SELECT "@timestamp" AS c0, "mlmon.model.name" AS c1, NULL::VARCHAR AS c2, "event.duration" AS c3
  FROM read_parquet(?)
  UNION ALL
  SELECT "@timestamp" AS c0, "mlmon.model.name" AS c1, NULL::VARCHAR AS c2, NULL::BIGINT AS c3
  FROM "tail_1"
)
SELECT epoch_us(c0) - ((epoch_us(c0) - 0) % 300000000 + 300000000) % 300000000, count(*), count(*) FILTER (WHERE NOT coalesce(c2 = ?::VARCHAR, false)), quantile_cont(c3::DOUBLE, ?::DOUBLE[])
FROM documents
WHERE (c0 >= make_timestamptz(?::BIGINT) AND c0 < make_timestamptz(?::BIGINT)) AND (c1 = ?::VARCHAR)
GROUP BY 1
ORDER BY 1 NULLS LAST

-- [['segments/a.parquet', 'segments/b.parquet'], 'success', [0.5, 0.95, 0.99], 1362096000000000, 1364774400000000, 'flights']
