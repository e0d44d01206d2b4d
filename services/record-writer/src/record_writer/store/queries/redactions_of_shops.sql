-- Which of these shops have any redaction.
SELECT shop_key FROM records.redacted_shops WHERE shop_key = ANY (%(keys)s)
