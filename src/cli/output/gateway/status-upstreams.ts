import type { Status } from '../../../gateway/status/status.js'
import type { UpstreamStatus } from '../../../gateway/status/upstream-status.js'
import { formatNumber } from '../format.js'
import { table, type StyledText } from '../layout.js'

/** Longer addresses get a line of their own, so that the table fits. */
const ADDRESS = 26

export function upstreamLines({ upstreams }: Status): StyledText[] {
  if (upstreams.length === 0) return [['yellow', 'none']]
  const count = (wanted: UpstreamStatus['state']): number =>
    upstreams.filter(({ state }) => state === wanted).length
  const unused = count('unknown')
  const loops = upstreams.flatMap(({ address, loopsFor }) =>
    loopsFor.map((domain): StyledText => {
      return ['red', `${address}: forwarding loop for ${domain}; not used for it`]
    })
  )
  const plain = upstreams
    .filter(({ withoutEdns }) => withoutEdns > 0)
    .map(({ address }): StyledText => ['yellow', `${address}: rejects EDNS; queried without it`])
  const encrypted = upstreams.flatMap(({ address, encryption, error }): StyledText[] => [
    ...(encryption === 'opportunistic'
      ? [['yellow', `${address}: encrypted, but its certificate is not checked`] as const]
      : []),
    ...(error === null ? [] : [['red', `${address}: ${error}`] as const])
  ])
  const unknown = unused === 0 ? '' : `, ${formatNumber(unused)} not used yet`
  const up = `${formatNumber(count('up'))} of ${formatNumber(upstreams.length)} up${unknown}`
  return [up, ...loops, ...plain, ...encrypted]
}

export function upstreamTable(upstreams: readonly UpstreamStatus[]): string[] {
  const head = ['', 'state', 'queries', 'no answer', 'over TCP', 'round trip', 'cookies']
  const rows = upstreams.flatMap((upstream): StyledText[][] => {
    const { address, queries, timeouts, undelivered, lost, overTcp, roundTripMs, cookies } =
      upstream
    const figures = [
      stateOf(upstream),
      ...[queries, timeouts + undelivered + lost, overTcp].map(formatNumber),
      roundTripMs === null ? '-' : `${roundTripMs.toFixed(1)} ms`,
      cookies > 0 ? 'yes' : 'no'
    ]
    return address.length > ADDRESS ? [[address], ['', ...figures]] : [[address, ...figures]]
  })
  return table(head, rows)
}

function stateOf({ state, workers }: UpstreamStatus): StyledText {
  if (state === 'unknown') return 'unknown'
  if (state === 'down') return ['red', 'down']
  const { up, outOfRotation, down } = workers
  const all = up + outOfRotation + down
  if (up === all) return ['green', 'up']
  return ['yellow', up > 0 ? `${up}/${all} up` : 'out of rotation']
}
