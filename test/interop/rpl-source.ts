import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder } from './processes.js'

const REPOSITORY = 'https://github.com/NLnetLabs/unbound'
const TAG = 'release-1.26.0'
const FETCH_MS = 60_000

/**
 * The folder `testdata` of Unbound's source: that of INTERDICT_RPL, or fetched by git. Ends with 2 if
 * there is neither: a skipped check would prove nothing. The files are Unbound's (BSD licence), so
 * they are not in this repository.
 */
export function fetchScenarios(t: Test): string {
  const given = process.env.INTERDICT_RPL
  if (given !== undefined) return given
  const source = join(folder(t), 'unbound')
  const how = ['clone', '-q', '--depth', '1', '--branch', TAG, REPOSITORY, source]
  const { stderr } = spawnSync('git', how, { timeout: FETCH_MS, encoding: 'utf8' })
  if (existsSync(join(source, 'testdata'))) return join(source, 'testdata')
  process.stderr.write(`${stderr}Cannot fetch the scenarios of Unbound. Get its source, by
  git clone --depth 1 --branch ${TAG} ${REPOSITORY}
or on Debian, with deb-src lines in the APT sources, by
  apt-get source --download-only unbound && tar xf unbound_*.orig.tar.gz
and set INTERDICT_RPL to its folder testdata.
`)
  process.exit(2)
}
