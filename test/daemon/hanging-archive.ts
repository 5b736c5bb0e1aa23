/** Stands for the process that keeps the archive, at work on something large. */
process.on('disconnect', () => process.exit())
setTimeout(() => process.exit(), 20_000)
