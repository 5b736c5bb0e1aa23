import { failure } from '../../base/errors/error.js'
import { migrateAdGuardHome } from './adguard-home/migrate-adguard-home.js'
import { migrateBind } from './bind/migrate-bind.js'
import { migratePiHole } from './pi-hole/migrate-pi-hole.js'
import { migrateUnbound } from './unbound/migrate-unbound.js'
import type { Migration } from './draft/migration.js'
import { isArchive } from './pi-hole/read-archive.js'
import { readSource, textOf, type SourceFile } from './draft/source-file.js'

/** Servers whose settings can be carried over. */
export type ServerKind = 'adguard-home' | 'pi-hole' | 'unbound' | 'bind'

/** Only the start of a file is searched, up to this length. */
const HEAD = 65_536

/**
 * Reads the settings of another server.
 *
 * @param kind undefined: by the content of the file
 * @throws InterdictError MIGRATE_UNREADABLE, MIGRATE_UNKNOWN
 */
export function migrate(path: string, kind: ServerKind | undefined): Migration {
  const source = readSource(path)
  switch (kind ?? detectServer(source)) {
    case 'adguard-home':
      return migrateAdGuardHome(source)
    case 'pi-hole':
      return migratePiHole(source)
    case 'unbound':
      return migrateUnbound(source)
    case 'bind':
      return migrateBind(source, isZone(textOf(source).slice(0, HEAD)))
    case undefined:
      throw failure('MIGRATE_UNKNOWN', path, 'adguard-home, pi-hole, unbound, bind')
  }
}

function detectServer(source: SourceFile): ServerKind | undefined {
  if (isArchive(source.octets)) return 'pi-hole'
  const text = textOf(source).slice(0, HEAD)
  if (/^schema_version:|^(filters|user_rules|dns):/m.test(text)) return 'adguard-home'
  if (/^\s*(options|acl|zone|logging|controls|key|view|include)\b[^;\n]*(\{|";)/m.test(text))
    return 'bind'
  if (/^\s*(server|forward-zone|stub-zone|rpz|local-zone|remote-control|include)\s*:/m.test(text))
    return 'unbound'
  return isZone(text) ? 'bind' : undefined
}

/** Whether a text begins like a zone file. */
const isZone = (text: string): boolean =>
  /^\$(TTL|ORIGIN)\s|^\S*\s+(\d+\w*\s+)?(IN\s+)?SOA\s/im.test(text)
