WITH documents AS (
  SELECT "@timestamp" AS c0, "mlmon.features.numeric.temp" AS c1, "log.level" AS c2
  FROM read_parquet(?)
  UNION ALL
  SELECT "@timestamp" AS c0, "mlmon.features.numeric"[?::VARCHAR] AS c1, NULL::VARCHAR AS c2
  FROM "tail_1"
),
edges AS MATERIALIZED (SELECT ?::BIGINT[] AS e0)
SELECT epoch_us(date_trunc('month', make_timestamp(epoch_us(c0)))), floor(c1 / ?::DOUBLE) * ?::DOUBLE + 0.0, map_values(histogram(CASE WHEN c1 >= ?::DOUBLE THEN 4611686018427387904 WHEN c1 < ?::DOUBLE THEN -4611686018427387904 ELSE floor(c1 * ?::DOUBLE)::BIGINT END, edges.e0)), list_slice(list_sort(list_transform(map_entries(histogram(c2)), lambda entry: {'n': -entry.value::BIGINT, 'term': entry.key})), 1, ?::BIGINT), stddev_pop(c1)
FROM documents, edges
WHERE true
GROUP BY 1, 2
ORDER BY 1 NULLS LAST, 2 NULLS LAST

-- [['segments/a.parquet', 'segments/b.parquet'], 'temp', [-1, 0, 1], 10.0, 10.0, 2.305843009213694e+18, -2.305843009213694e+18, 2.0, 3]
