/** Replaces the archive process; simulates a long run. */
process.on('disconnect', () => process.exit())
setTimeout(() => process.exit(), 600_000)
