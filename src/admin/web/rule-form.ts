/** What a form can add to the rules; docs/reference/rules.md describes each. */
export const FORM_KINDS = ['exception', 'ban', 'block', 'allow', 'record'] as const
export type FormKind = (typeof FORM_KINDS)[number]

/** Types of records that a form offers. */
export const FORM_TYPES = ['a', 'aaaa', 'cname', 'ptr', 'txt', 'mx'] as const

/** Fields of a form as texts; those of other kinds are kept, but not used. */
export interface RuleForm {
  readonly kind: FormKind
  readonly network: string
  readonly client: string
  /** Ids or names with commas between them. */
  readonly apps: string
  readonly names: string
  readonly purpose: string
  readonly approvedBy: string
  readonly authority: string
  readonly reference: string
  /** The last day; '': none. */
  readonly until: string
  /** Why a name is allowed or blocked. */
  readonly comment: string
  readonly type: string
  readonly data: string
}

export type FormField = Exclude<keyof RuleForm, 'kind'>

/** The fields of each kind, in the order of the form. */
export const FIELDS: Readonly<Record<FormKind, readonly FormField[]>> = {
  exception: ['client', 'network', 'apps', 'names', 'until', 'purpose', 'approvedBy'],
  ban: ['network', 'apps', 'names', 'authority', 'reference', 'until'],
  block: ['network', 'names', 'until', 'comment'],
  allow: ['network', 'names', 'until', 'comment'],
  record: ['network', 'names', 'type', 'data']
}

/** Fields that may be empty. */
export const OPTIONAL: Readonly<Record<FormKind, readonly FormField[]>> = {
  exception: ['client', 'apps', 'names'],
  ban: ['apps', 'names', 'until'],
  block: ['until'],
  allow: ['until'],
  record: ['network']
}

const MS_PER_DAY = 86_400_000
const FRIDAY = 5

/** The next Friday after today, as a field for dates has it. */
export function nextFriday(now: Date): string {
  const days = ((FRIDAY - now.getDay() + 6) % 7) + 1
  const local = now.getTime() - now.getTimezoneOffset() * 60_000 + days * MS_PER_DAY
  return new Date(local).toISOString().slice(0, '2026-12-04'.length)
}

/** A form as a link opens it. */
export function formFrom(parameters: URLSearchParams, person: string, now: Date): RuleForm {
  const given = (name: string): string => parameters.get(name) ?? ''
  const kind = FORM_KINDS.find(one => one === given('add')) ?? 'exception'
  return {
    kind,
    network: given('network'),
    client: given('client'),
    apps: given('app'),
    // An exception for the app has the name, too.
    names: given('app') === '' ? given('name') : '',
    purpose: given('why'),
    approvedBy: person.replace(/^user:/, ''),
    authority: '',
    reference: '',
    until: given('until') || (kind === 'exception' ? nextFriday(now) : ''),
    comment: given('why'),
    type: 'a',
    data: ''
  }
}

const listOf = (text: string): string[] => text.split(/[\s,]+/).filter(one => one !== '')

type Values = Record<string, string | readonly string[]>

/** An edit of `networks.yaml`, as `POST /rules/edits` takes it. */
export function editOf(form: RuleForm) {
  const { kind, network, comment } = form
  const values = { ...valuesOf(form), ...(form.until !== '' && { until: form.until }) }
  return {
    kind,
    ...(network !== '' && { network }),
    values: kind === 'record' ? valuesOf(form) : values,
    ...((kind === 'block' || kind === 'allow') && { comment: comment.trim() })
  }
}

function valuesOf(form: RuleForm): Values {
  const { kind, type, data } = form
  const [apps, names, prefixes] = [listOf(form.apps), listOf(form.names), listOf(form.client)]
  const matched = { ...(apps.length > 0 && { apps }), ...(names.length > 0 && { names }) }
  switch (kind) {
    case 'exception':
      return {
        ...matched,
        ...(prefixes.length > 0 && { prefixes }),
        purpose: form.purpose.trim(),
        'approved-by': form.approvedBy.trim()
      }
    case 'ban':
      return { ...matched, authority: form.authority.trim(), reference: form.reference.trim() }
    case 'record':
      return { name: names[0] ?? '', [type]: data.trim() }
    case 'allow':
    case 'block':
      return { names }
  }
}

/** What a form is about, for the title of its draft: `tiktok, 10.1.7.3`. */
export function subjectOf(form: RuleForm): string {
  const { kind, apps, names, client, data } = form
  const what = [...listOf(apps), ...listOf(names)]
  const whom = kind === 'exception' ? listOf(client) : kind === 'record' ? [data] : []
  return [...what, ...whom].filter(one => one !== '').join(', ')
}
