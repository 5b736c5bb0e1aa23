/** Replaces the archive process; simulates a missing DuckDB. */
process.once('message', () => {
  const fields = { code: 'ARCHIVE_NO_DUCKDB' }
  process.send!({ kind: 'log', level: 'warn', fields, message: 'no DuckDB' })
  process.send!({ kind: 'done', done: false }, () => process.exit())
})
