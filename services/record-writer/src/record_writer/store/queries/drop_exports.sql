-- Delete the store's exports that were made for the person, and whatever others hold anything of the person; their
-- chunks go with them.
DELETE FROM records.exports AS export
WHERE advertiser_id = %(advertiser_id)s AND store_id = %(store_id)s
  AND (subject_key = ANY (%(subject_keys)s) OR EXISTS (
      SELECT FROM records.export_chunks AS chunk
      CROSS JOIN LATERAL jsonb_array_elements(chunk.content) AS held
      WHERE chunk.advertiser_id = export.advertiser_id AND chunk.export_id = export.id
        AND (held ->> 'kind' = 'contact' AND held #>> '{record,external_id}' = %(customer_id)s
             OR held ->> 'kind' = 'order' AND held #>> '{record,external_id}' = ANY (%(order_ids)s)
             OR held #>> '{record,customer_external_id}' = %(customer_id)s
             OR lower(held #>> '{record,email}') = lower(%(email)s))))
