-- What Airbyte's destinations do with one sync of a connection that is "Append + Deduped", as their source has it for
-- PostgreSQL and BigQuery. `came` holds the records of the sync, `held` the tables; `hard` says what deletes are.

CREATE OR REPLACE TEMPORARY TABLE latest AS
SELECT * FROM came
QUALIFY row_number() OVER (PARTITION BY stream, key ORDER BY cursor DESC NULLS LAST, extracted_at DESC) = 1;

CREATE OR REPLACE MACRO is_newer(cursor, extracted_at, than_cursor, than_extracted_at) AS
    than_cursor < cursor
    OR (than_cursor = cursor AND than_extracted_at < extracted_at)
    OR (than_cursor IS NULL AND cursor IS NULL AND than_extracted_at < extracted_at)
    OR (than_cursor IS NULL AND cursor IS NOT NULL);

MERGE INTO held USING latest ON held.stream = latest.stream AND held.key = latest.key
WHEN MATCHED
    AND getvariable('hard') AND latest.deleted_at IS NOT NULL
    AND is_newer(latest.cursor, latest.extracted_at, held.cursor, held.extracted_at)
THEN DELETE
WHEN MATCHED AND is_newer(latest.cursor, latest.extracted_at, held.cursor, held.extracted_at)
THEN UPDATE SET
    cursor = latest.cursor,
    deleted_at = latest.deleted_at,
    extracted_at = latest.extracted_at,
    record = latest.record
WHEN NOT MATCHED AND NOT (getvariable('hard') AND latest.deleted_at IS NOT NULL)
THEN INSERT VALUES (
    latest.stream, latest.key, latest.cursor, latest.deleted_at, latest.extracted_at, latest.record
);
