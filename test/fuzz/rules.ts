import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { loadRules } from '../../src/policy/rules/load.js'

const BAN = 'authority: Nobody, reference: none'

/** Every action on some name of the captured messages; two networks, and addresses in neither. */
export const NETWORKS = `networks:
  phones:
    prefixes: [127.0.0.0/9, ::1/128]
    bans:
      - { names: [tiktok.com, missing.example], ${BAN}, ede: censored }
      - { names: [mail.example], ${BAN}, action: sinkhole, sinkhole: { ipv4: 192.0.2.80 } }
      - { names: [odd.example], ${BAN}, action: refused }
      - { names: [zero.example], ${BAN}, action: drop }
      - { names: [_tcp.example], ${BAN}, action: truncate }
      - { names: ['*.wild.example'], ${BAN}, action: cname, target: garden.example }
      - { names: [mixed.example], ${BAN}, action: null-address }
      - { names: [big.example], ${BAN}, mode: monitor }
      - { names: [in-addr.arpa], force: 'mutants ask it', ${BAN}, action: nodata }
      - { addresses: [203.0.113.0/24], ${BAN} }
    exceptions:
      - names: [tiktok.com]
        prefixes: [127.0.0.2/32]
        purpose: tests
        approved-by: Nobody
        from: 2026-01-01
        until: 2035-12-31
  desk:
    prefixes: [127.128.0.0/9]
exceptions: { max-days: 3660 }
`

/** Compiles the text of a `networks.yaml`. */
export async function policyOf(networks: string, generation = 1): Promise<Policy> {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-fuzz-'))
  try {
    writeFileSync(join(folder, 'networks.yaml'), networks)
    const loaded = await loadRules(folder)
    if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('\n'))
    return new Policy(compile(loaded.rules, { generation, random: () => 7 }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
