import type { Milliseconds } from '../../base/units.js'
import type { Binding } from '../../policy/bindings/binding.js'
import type { BindingStore } from '../../policy/bindings/binding-store.js'
import type { BindingChange } from '../../sources/bindings/json-bindings.js'

/** Makes the changes of lines, one after the other. */
export function applyLines(
  store: BindingStore,
  source: string,
  changes: readonly BindingChange[],
  now: Milliseconds
): void {
  for (const change of changes) {
    if (change.kind === 'begin') store.begin(change.binding, now)
    else store.end(source, change.address, change.at, now)
  }
}

/** Takes lines for all bindings of a feed: others end. */
export function replaceByLines(
  store: BindingStore,
  source: string,
  changes: readonly BindingChange[],
  now: Milliseconds
): void {
  const latest = new Map<string, Binding | undefined>()
  for (const change of changes) {
    if (change.kind === 'begin') latest.set(change.binding.address, change.binding)
    else latest.set(change.address, undefined)
  }
  const bindings = [...latest.values()].flatMap(one => one ?? [])
  store.replace(source, bindings, now)
}
