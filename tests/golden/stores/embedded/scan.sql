WITH documents AS (
  SELECT "@timestamp" AS c0, "event.id" AS c1, NULL::VARCHAR AS c2, "mlmon.features.numeric.temp" AS c3
  FROM read_parquet(?)
  UNION ALL
  SELECT "@timestamp" AS c0, "event.id" AS c1, NULL::VARCHAR AS c2, "mlmon.features.numeric"[?::VARCHAR] AS c3
  FROM "tail_1"
)
SELECT epoch_us(c0), c1, c1, c3
FROM documents
WHERE (c0 >= make_timestamptz(?::BIGINT) AND c0 < make_timestamptz(?::BIGINT)) AND (regexp_matches(lower(c2), ?)) AND (epoch_us(c0), c1) < (?, ?)
ORDER BY 1 DESC NULLS LAST, 2 DESC
LIMIT ?::BIGINT

-- [['segments/a.parquet', 'segments/b.parquet'], 'temp', 1362096000000000, 1364774400000000, '(^|[^\\p{L}\\p{N}_])no[^\\p{L}\\p{N}_]+weather($|[^\\p{L}\\p{N}_])', 1, 'p-1', 10]
