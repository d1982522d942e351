WITH versions AS (
  SELECT "@timestamp" AS c0, "mlmon.model.name" AS c1, NULL::DOUBLE AS c2, "event.id" AS c3, NULL::TIMESTAMPTZ AS c4
  FROM read_parquet(?)
  UNION ALL
  SELECT "@timestamp" AS c0, "mlmon.model.name" AS c1, NULL::DOUBLE AS c2, "event.id" AS c3, NULL::TIMESTAMPTZ AS c4
  FROM "tail_1"
), documents AS (
  SELECT * FROM versions
  WHERE c0 >= make_timestamptz(?::BIGINT) AND c0 < make_timestamptz(?::BIGINT) AND c1 = ?::VARCHAR
  QUALIFY row_number() OVER (PARTITION BY c3 ORDER BY c4 DESC) = 1
)
SELECT max(c2)
FROM documents
WHERE (c0 >= make_timestamptz(?::BIGINT) AND c0 < make_timestamptz(?::BIGINT)) AND ((c1 = ?::VARCHAR) AND (c2 >= ?))

-- [['segments/a.parquet', 'segments/b.parquet'], 1362096000000000, 1364774400000000, 'flights', 1362096000000000, 1364774400000000, 'flights', 0.5]
