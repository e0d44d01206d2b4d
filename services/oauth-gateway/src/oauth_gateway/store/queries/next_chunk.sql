-- The next piece of an export, as text: what is only passed on is not read into values first.
SELECT chunk.number, jsonb_array_length(chunk.content) AS records, chunk.content::text AS content
FROM records.export_chunks_v1 AS chunk
WHERE chunk.advertiser_id = :advertiser_id AND chunk.export_id = :export_id AND chunk.number = :after + 1
