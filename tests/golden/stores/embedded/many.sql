WITH documents AS (
  SELECT "@timestamp" AS c0, "mlmon.model.name" AS c1
  FROM read_parquet(?)
  UNION ALL
  SELECT "@timestamp" AS c0, "mlmon.model.name" AS c1
  FROM "tail_1"
)
SELECT count(*)
FROM documents
WHERE (c1 IN (SELECT unnest(?::VARCHAR[])))

-- [['segments/a.parquet', 'segments/b.parquet'], ['model-0', 'model-1', 'model-2', 'model-3', 'model-4', 'model-5', 'model-6', 'model-7', 'model-8', 'model-9', 'model-10', 'model-11', 'model-12', 'model-13', 'model-14', 'model-15', 'model-16', 'model-17', 'model-18', 'model-19', 'model-20', 'model-21', 'model-22', 'model-23', 'model-24', 'model-25', 'model-26', 'model-27', 'model-28', 'model-29', 'model-30', 'model-31', 'model-32', 'model-33', 'model-34', 'model-35', 'model-36', 'model-37', 'model-38', 'model-39']]
