import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Folder of the package, found from `dist/bench/kit/`, where this file runs. */
export const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url))

/** Sources of the benchmark: C programs and templates are read from there. */
export const BENCH = fileURLToPath(new URL('../../../bench/', import.meta.url))

/** Everything is measured on loopback. */
export const LOOPBACK = '127.0.0.1'

/** The server under test has one core to itself, load and upstream share another. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

export const hasTwoCores = (): boolean => availableParallelism() >= 2
