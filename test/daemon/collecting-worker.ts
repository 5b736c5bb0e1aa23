/** A thread that waits for the others, then has a snapshot collected at the same time as they do. */
import { workerData } from 'node:worker_threads'
import { ReplacedSnapshots } from '../../src/policy/tables/replaced-snapshots.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'

const gate = workerData as Int32Array
const octets = 2 ** 25
const replaced = new ReplacedSnapshots(0)
const snapshot = (): Snapshot => ({ octets }) as unknown as Snapshot

Atomics.add(gate, 0, -1)
Atomics.notify(gate, 0)
while (Atomics.load(gate, 0) > 0) Atomics.wait(gate, 0, Atomics.load(gate, 0), 10)
for (let i = 0; i < 2; i++) replaced.setCurrent(snapshot())
setTimeout(() => undefined, 20)
