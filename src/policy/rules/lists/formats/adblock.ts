import type { Prefix } from '../../../../base/values/address.js'
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

/** Precedence: exceptions above blocks, `$important` above both, answers above all. */
const LAYER = {
  block: 0,
  exception: 1,
  important: 2,
  data: DATA_LAYER,
  alias: 5,
  status: 6,
  cancel: 7
}
/** Texts of modifiers whose meaning is kept; beyond that, it starts over. */
const MAX_KNOWN = 1000
const DATA: ListAction = { layer: LAYER.data, kind: 'data' }

/** Cosmetic rules: `##`, `#@#`, `#?#`, `#$#`, `#%#`, `$$` and combinations, after optional names. */
const PAGE_RULE = /^[^\s/|]*?(?:#@?[$%]?\??#|\$@?\$)/
const REGULAR = /^(?:@@)?\/.*\/(?:\$[^/]*)?$/s
const RULE = /^(@@)?([^$]*)(?:\$(.*))?$/s

/**
 * Reads ad blocker rules like AdGuard does for DNS ("DNS filtering rules syntax"), with one
 * difference: an exception applies only to the rules of its own list.
 */
export class AdblockReader implements LineReader {
  private readonly hosts = new NamesReader('hosts', DATA)
  /** Modifiers by their text: most lists have only a few different ones. */
  private readonly known = new Map<string, RuleModifiers | Rejection>()

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
      const rejection = this.readRule(line.replace(/\s+#.*$/s, ''), text.line, sink)
      if (rejection === undefined) return true
      if ('why' in rejection) sink.skipLine(text.line, text.column, rejection.why)
      else sink.countUnsupported(rejection.unsupported)
    }
    return true
  }

  private readHosts(text: ListText, sink: ListSink): boolean {
    text.to = text.lineStart
    return this.hosts.read(text, sink)
  }

  private readRule(line: string, number: number, sink: ListSink): Rejection | undefined {
    const [, at = '', pattern = '', after = ''] = RULE.exec(line)!
    const modifiers = this.modifiersOf(after)
    if (isRejection(modifiers)) return modifiers
    const target = readHostPattern(pattern)
    if (isRejection(target)) return target
    const rule = new AdblockRule(target, modifiers, at !== '', number)
    return rule.emit(sink)
  }

  private modifiersOf(text: string): RuleModifiers | Rejection {
    let modifiers = this.known.get(text)
    if (modifiers === undefined) {
      const read = readModifiers(text, this.clients)
      modifiers = isRejection(read) ? read : new RuleModifiers(read)
      if (this.known.size === MAX_KNOWN) this.known.clear()
      this.known.set(text, modifiers)
    }
    return modifiers
  }
}

/** The modifiers of one or more rules, with the actions that follow from them. */
class RuleModifiers {
  /** The same object for equal actions, so that collectors need not compare them. */
  private readonly actions = new Map<string, ListAction>()

  constructor(readonly values: Modifiers) {}

  /** @param answer of `$dnsrewrite` */
  action(isException: boolean, answer: Rewrite | undefined): ListAction {
    if (answer !== undefined) return this.create(isException, answer)
    return this.once(`rule ${isException}`, () => this.create(isException, undefined))
  }

  /** A `pass` in the layer of the rule. */
  pass(prefixes: Modifiers['clients'], isException: boolean): ListAction {
    const { qtypes, clients } = this.values
    const { layer } = this.action(isException, undefined)
    const key = `pass ${prefixes === clients} ${isException}`
    return this.once(key, () => ({ layer, kind: 'pass', qtypes, prefixes }))
  }

  private once(key: string, create: () => ListAction): ListAction {
    let action = this.actions.get(key)
    if (action === undefined) this.actions.set(key, (action = create()))
    return action
  }

  private create(isException: boolean, answer: Rewrite | undefined): ListAction {
    const { important, qtypes, clients: prefixes, rewrite } = this.values
    if (isException && rewrite === '') return { layer: LAYER.cancel, kind: 'cancel' }
    if (answer !== undefined) {
      const kind = 'action' in answer ? answer.action : 'data'
      const data = 'record' in answer && answer.isAlias ? LAYER.alias : LAYER.data
      return { layer: kind === 'data' ? data : LAYER.status, kind, qtypes, prefixes }
    }
    const layer = isException ? LAYER.exception : LAYER.block
    const kind = isException ? 'pass' : 'rule'
    return { layer: layer + (important ? LAYER.important : 0), kind, qtypes, prefixes }
  }
}

/** A parsed rule. */
class AdblockRule {
  constructor(
    private readonly target: RuleTarget,
    private readonly modifiers: RuleModifiers,
    private readonly isException: boolean,
    private readonly line: number
  ) {}

  /** Passes the rule to the sink. @returns why it is skipped or unsupported */
  emit(sink: ListSink): Rejection | undefined {
    const { target, isException } = this
    const { rewrite, denyallow, notClients } = this.modifiers.values
    if (isException && denyallow.length + notClients.length > 0) {
      return { unsupported: 'exceptions with exclusions' }
    }
    const isCancel = isException && rewrite === ''
    const answer = rewrite === undefined || isCancel ? undefined : readRewrite(rewrite)
    if (answer !== undefined && isRejection(answer)) return answer
    if ('prefix' in target) return this.emitPrefix(target.prefix, answer, sink)
    if (isException && answer !== undefined) {
      return { unsupported: 'exceptions with exclusions' }
    }
    const excluded = denyallow.map(text => readHostPattern(`||${text}^`))
    for (const one of excluded) if (isRejection(one)) return { why: 'invalid name in denyallow' }
    this.emitName(target, answer, sink)
    this.emitExcluded(target, excluded as RuleTarget[], sink)
    return undefined
  }

  private emitName(target: Pattern, answer: Rewrite | undefined, sink: ListSink): void {
    const { name, cover } = target
    const action = this.listAction(answer)
    const isPlain = action.layer === 0 && !action.qtypes && !action.prefixes
    if (this.modifiers.values.badfilter) {
      sink.disable(isPlain ? undefined : action, name, COVER[cover])
    } else if (isPlain) {
      sink.blockName(name, 0, name.length, COVER[cover], this.line)
    } else {
      const record = answer && 'record' in answer ? answer.record : undefined
      sink.addName(action, name, COVER[cover], this.line, record)
    }
  }

  /** Adds a `pass` for the names and clients that the rule excludes. */
  private emitExcluded(target: Pattern, excluded: readonly RuleTarget[], sink: ListSink): void {
    const { modifiers, isException } = this
    const { clients, notClients, badfilter } = modifiers.values
    const add = (action: ListAction, { name, cover }: Pattern): void => {
      if (badfilter) sink.disable(action, name, COVER[cover])
      else sink.addName(action, name, COVER[cover], this.line)
    }
    for (const one of excluded) {
      if ('prefix' in one || !covers(target.cover, target.name, one.name)) continue
      add(modifiers.pass(clients, isException), one)
    }
    if (notClients.length > 0) add(modifiers.pass(notClients, isException), target)
  }

  private emitPrefix(
    prefix: Prefix,
    answer: Rewrite | undefined,
    sink: ListSink
  ): Rejection | undefined {
    const { badfilter, denyallow, notClients, rewrite } = this.modifiers.values
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
    return this.modifiers.action(this.isException, answer)
  }
}

function hasBlank({ octets, from, to }: ListText): boolean {
  for (let i = from; i < to; i++) if (isBlank(octets[i]!)) return true
  return false
}

function isRejection(value: object): value is Rejection {
  return 'why' in value || 'unsupported' in value
}
