WITH documents AS (
  SELECT NULL::TIMESTAMPTZ AS c0 WHERE false
)
SELECT count(*)
FROM documents
WHERE true

-- []
