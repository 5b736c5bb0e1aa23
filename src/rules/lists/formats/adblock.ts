import type { Prefix } from '../../../base/address.js'
import { covers, type Pattern } from '../../model/pattern.js'
import { COVER } from '../../model/types.js'
import { NamesReader } from './domains-hosts.js'
import { DATA_LAYER, type LineReader, type ListSink, type ListAction } from '../line-reader.js'
import { isBlank, type ListText } from '../list-text.js'
import {
  readModifiers,
  type NetworkPrefixes,
  type Modifiers,
  type Rejection
} from './adblock-modifiers.js'
import { readHostPattern, type RuleTarget } from './adblock-pattern.js'
import { readRewrite, type Rewrite } from './adblock-rewrite.js'

const [BANG, CARET, PIPE] = [0x21, 0x5e, 0x7c]

/** What stands above what: exceptions above blocks, important ones above both, answers above all. */
const LAYER = {
  block: 0,
  exception: 1,
  important: 2,
  data: DATA_LAYER,
  alias: 5,
  status: 6,
  cancel: 7
}
const DATA: ListAction = { layer: LAYER.data, kind: 'data' }

/** `##`, `#@#`, `#?#`, `#$#`, `#%#`, `$$` and their mixtures, behind names or nothing. */
const PAGE_RULE = /^[^\s/|]*?(?:#@?[$%]?\??#|\$@?\$)/
const REGULAR = /^(?:@@)?\/.*\/(?:\$[^/]*)?$/s
const RULE = /^(@@)?([^$]*)(?:\$(.*))?$/s

/**
 * Reads rules of ad blockers as AdGuard reads them for DNS ("DNS filtering rules syntax"), with one
 * difference: what an exception lets pass is what the same list says, and no other.
 */
export class AdblockReader implements LineReader {
  private readonly hosts = new NamesReader('hosts', DATA)

  constructor(private readonly clients: NetworkPrefixes) {}

  read(text: ListText, sink: ListSink): boolean {
    if (!text.selectLine()) return false
    const { octets, from, to } = text
    if (octets[from] === BANG) return false
    if (octets[from] === PIPE && octets[from + 1] === PIPE && octets[to - 1] === CARET) {
      text.from = from + 2
      text.to = to - 1
      const length = text.readName()
      if (length > 0) {
        sink.blockName(text.name, 0, length, COVER.suffix, text.line)
        return true
      }
      text.selectLine()
    }
    return this.readAny(text, sink)
  }

  private readAny(text: ListText, sink: ListSink): boolean {
    const line = text.text
    if (PAGE_RULE.test(line)) sink.countUnsupported('cosmetic rules')
    else if (line.startsWith('#') || /^\[.*\]$/.test(line)) return false
    else if (hasBlank(text) && /^[\da-fA-F.:%]+\s/.test(line)) return this.readHosts(text, sink)
    else if (REGULAR.test(line)) sink.countUnsupported('regular expressions')
    else {
      const refusal = this.readRule(line.replace(/\s+#.*$/s, ''), text.line, sink)
      if (refusal === undefined) return true
      if ('why' in refusal) sink.skipLine(text.line, text.column, refusal.why)
      else sink.countUnsupported(refusal.unsupported)
    }
    return true
  }

  private readHosts(text: ListText, sink: ListSink): boolean {
    text.to = text.lineStart
    return this.hosts.read(text, sink)
  }

  private readRule(line: string, number: number, sink: ListSink): Rejection | undefined {
    const [, at = '', pattern = '', after = ''] = RULE.exec(line)!
    const modifiers = readModifiers(after, this.clients)
    if (isRefusal(modifiers)) return modifiers
    const meant = readHostPattern(pattern)
    if (isRefusal(meant)) return meant
    const rule = new AdblockRule(meant, modifiers, at !== '', number)
    return rule.emit(sink)
  }
}

/** A rule that has been read. */
class AdblockRule {
  constructor(
    private readonly target: RuleTarget,
    private readonly modifiers: Modifiers,
    private readonly isException: boolean,
    private readonly line: number
  ) {}

  /** @returns why it cannot be given */
  emit(sink: ListSink): Rejection | undefined {
    const { target: meant, modifiers, isException } = this
    const { rewrite, denyallow, notClients } = modifiers
    if (isException && denyallow.length + notClients.length > 0) {
      return { unsupported: 'exceptions with exclusions' }
    }
    const takesBack = isException && rewrite === ''
    const answer = rewrite === undefined || takesBack ? undefined : readRewrite(rewrite)
    if (answer !== undefined && isRefusal(answer)) return answer
    if ('prefix' in meant) return this.emitPrefix(meant.prefix, answer, sink)
    if (isException && answer !== undefined) {
      return { unsupported: 'exceptions with exclusions' }
    }
    const spared = denyallow.map(text => readHostPattern(`||${text}^`))
    for (const one of spared) if (isRefusal(one)) return { why: 'invalid name in denyallow' }
    this.emitName(meant, answer, sink)
    this.emitExcluded(meant, spared as RuleTarget[], sink)
    return undefined
  }

  private emitName(meant: Pattern, answer: Rewrite | undefined, sink: ListSink): void {
    const { name, cover } = meant
    const action = this.listAction(answer)
    const isPlain = action.layer === 0 && !action.qtypes && !action.prefixes
    if (this.modifiers.badfilter) {
      sink.disable(isPlain ? undefined : action, name, COVER[cover])
    } else if (isPlain) {
      sink.blockName(name, 0, name.length, COVER[cover], this.line)
    } else {
      const record = answer && 'record' in answer ? answer.record : undefined
      sink.addName(action, name, COVER[cover], this.line, record)
    }
  }

  /** What the rule is not for: the list lets it pass. */
  private emitExcluded(meant: Pattern, spared: readonly RuleTarget[], sink: ListSink): void {
    const { qtypes, clients, notClients, badfilter } = this.modifiers
    const { layer } = this.listAction(undefined)
    const say = (action: ListAction, { name, cover }: Pattern): void => {
      if (badfilter) sink.disable(action, name, COVER[cover])
      else sink.addName(action, name, COVER[cover], this.line)
    }
    for (const one of spared) {
      if ('prefix' in one || !covers(meant.cover, meant.name, one.name)) continue
      say({ layer, kind: 'pass', qtypes, prefixes: clients }, one)
    }
    if (notClients.length > 0) say({ layer, kind: 'pass', qtypes, prefixes: notClients }, meant)
  }

  private emitPrefix(
    prefix: Prefix,
    answer: Rewrite | undefined,
    sink: ListSink
  ): Rejection | undefined {
    const { badfilter, denyallow, notClients, rewrite } = this.modifiers
    if (answer !== undefined || rewrite === '') return { unsupported: 'unsupported answers' }
    if (badfilter || denyallow.length + notClients.length > 0) {
      return { unsupported: 'exceptions with exclusions' }
    }
    const action = this.listAction(undefined)
    const isPlain = action.layer === 0 && !action.qtypes && !action.prefixes
    sink.addPrefix(isPlain ? undefined : action, prefix, this.line)
    return undefined
  }

  private listAction(answer: Rewrite | undefined): ListAction {
    const { isException, modifiers } = this
    const { important, qtypes, clients: prefixes, rewrite } = modifiers
    if (isException && rewrite === '') return { layer: LAYER.cancel, kind: 'cancel' }
    if (answer !== undefined) {
      const says = 'says' in answer ? answer.says : 'data'
      const data = 'record' in answer && answer.isAlias ? LAYER.alias : LAYER.data
      return { layer: says === 'data' ? data : LAYER.status, kind: says, qtypes, prefixes }
    }
    const layer = isException ? LAYER.exception : LAYER.block
    const says = isException ? 'pass' : 'rule'
    return { layer: layer + (important ? LAYER.important : 0), kind: says, qtypes, prefixes }
  }
}

function hasBlank({ octets, from, to }: ListText): boolean {
  for (let i = from; i < to; i++) if (isBlank(octets[i]!)) return true
  return false
}

function isRefusal(value: object): value is Rejection {
  return 'why' in value || 'unsupported' in value
}
