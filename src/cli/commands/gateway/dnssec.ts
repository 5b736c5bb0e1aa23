import { cpuTime } from '../../../base/system/cpu-time.js'
import { MS_PER_SECOND } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import { openChainSource } from '../../../gateway/upstreams/own-chain-source.js'
import { showValidation } from '../../../resolver/validation/show-validation.js'
import { TrustAnchors, trustAnchorsWith } from '../../../resolver/validation/trust-anchors.js'
import { Validator } from '../../../resolver/validation/validator.js'
import { readName, showName } from '../../../wire/dns/name/name.js'
import { readRrtype, showRrtype } from '../../../wire/dns/registry/rrtype.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { extractHostName, rejectUrlCharacters } from '../../args/extract-host-name.js'
import { parseArgument } from '../../args/parse.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

export interface DnssecOptions extends CommonOptions {
  readonly type: string
  /** Trust anchors instead of the root's and the ones in the rules and settings. */
  readonly anchor?: readonly string[]
  readonly json?: boolean
}

/** `interdict dnssec`: the chain of trust of one answer, queried and validated now. */
export async function dnssec(name: string, options: DnssecOptions, io: Io): Promise<number> {
  const { type, anchor, json } = options
  const qtype =
    readRrtype(type) ?? usageError(`--type: ${type} is not a query type such as A or TYPE65280`)
  const host = extractHostName('<name>', name, io)
  rejectUrlCharacters('<name>', host)
  const qname = parseArgument('<name>', () => readName(host))
  const given = anchor && parseArgument('--anchor', () => new TrustAnchors(anchor))
  const config = await loadSettings(options)
  const anchors = given ?? (await configuredAnchors(config, io))
  const source = openChainSource(config)
  try {
    const now = () => Math.floor(Date.now() / MS_PER_SECOND)
    const validator = new Validator({ source, anchors, now, cpuTime })
    const validation = await validator.validate(qname, qtype)
    if (json === true)
      printJson(io, { name: showName(qname), type: showRrtype(qtype), ...validation })
    else print(io, showValidation(validation))
    const { verdict } = validation
    return verdict === 'secure' || verdict === 'insecure' ? EXIT.success : EXIT.failure
  } finally {
    source.close()
  }
}

/** Those that the gateway uses; without the rules' where they are not valid. */
async function configuredAnchors(config: Config, io: Io): Promise<TrustAnchors> {
  const { loaded } = await loadConfiguredRules(config, io)
  const ofRules = loaded.ok ? loaded.rules.trustAnchors : undefined
  return trustAnchorsWith(config.dnssec.trustAnchors, ofRules)
}
