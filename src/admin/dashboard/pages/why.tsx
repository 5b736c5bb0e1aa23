import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Explanation, RuleView } from '../../web/api/types/rule-responses.js'
import { wholeSecond } from '../../web/locale-format.js'
import { urlOf } from '../../web/pages.js'
import { Alert, Badge, Card, Facts, Field, Load, Select, Title, Verdict } from '../components.js'
import { format, navigate, place, t, word } from '../state.js'
import { Table } from '../table.js'
import { useApi } from '../use-api.js'
import { DnssecChain } from './why-dnssec.js'

const TYPES = ['A', 'AAAA', 'HTTPS', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'SVCB', 'TXT']

export function Page() {
  const { parameters } = place.value
  const given = (name: string): string => parameters.get(name) ?? ''
  const [name, client] = [given('name'), given('client')]
  return (
    <>
      <Title text={t('page.why')} />
      <Question key={parameters.toString()} given={given} />
      {name !== '' && client !== '' ? (
        <Answer
          name={name}
          client={client}
          type={given('type')}
          at={given('at')}
          upstream={given('upstream')}
        />
      ) : (
        <p class="faint">{t('why.intro')}</p>
      )}
    </>
  )
}

/** Of an instant, what a field for date and time shows: local time, to the second. */
function localTime(at: string): string {
  const time = Date.parse(at)
  if (Number.isNaN(time)) return ''
  return new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function Question({ given }: { readonly given: (name: string) => string }) {
  const [name, setName] = useState(given('name'))
  const [client, setClient] = useState(given('client'))
  const [type, setType] = useState(given('type') || 'A')
  const [at, setAt] = useState(localTime(given('at')))
  const [asks, setAsks] = useState(given('upstream') === 'true')
  const submit = (event: Event): void => {
    event.preventDefault()
    navigate(
      urlOf('why', {
        ...{ name: name.trim(), client: client.trim(), type },
        at: at === '' ? '' : wholeSecond(at),
        upstream: asks ? 'true' : ''
      })
    )
  }
  return (
    <Card>
      <form class="row ends" onSubmit={submit}>
        <Field label={t('why.name')} wide>
          <input
            required
            value={name}
            placeholder="www.example.com"
            spellcheck={false}
            autocapitalize="off"
            onInput={event => setName(event.currentTarget.value)}
          />
        </Field>
        <Field label={t('why.client')} wide>
          <input
            required
            value={client}
            placeholder="10.0.0.7"
            spellcheck={false}
            onInput={event => setClient(event.currentTarget.value)}
          />
        </Field>
        <Select
          label={t('type')}
          value={type}
          options={TYPES.includes(type) ? TYPES : [type, ...TYPES]}
          onChange={setType}
        />
        <Field label={t('why.at')}>
          <input
            type="datetime-local"
            step={1}
            value={at}
            onInput={event => setAt(event.currentTarget.value)}
          />
        </Field>
        <label class="row check">
          <input
            type="checkbox"
            checked={asks}
            onChange={event => setAsks(event.currentTarget.checked)}
          />
          <span>{t('why.upstream')}</span>
        </label>
        <button class="button main">{t('why.submit')}</button>
      </form>
    </Card>
  )
}

interface Asked {
  readonly name: string
  readonly client: string
  readonly type: string
  readonly at: string
  readonly upstream: string
}

function Answer({ name, client, type, at, upstream }: Asked) {
  const found = useApi<Explanation>('/explain', {
    ...{ name, client, type, at },
    upstream: upstream === 'true' ? 'true' : 'false'
  })
  return (
    <>
      {/* It is there before the decision, which is then read out. */}
      <p class="hide" role="status">
        {found.data === undefined ? '' : sentenceOf(found.data)}
      </p>
      <Load from={found}>{data => <Decision found={data} />}</Load>
    </>
  )
}

function sentenceOf({ name, client, verdict, rule }: Explanation): string {
  if (verdict === 'unknown') return t('why.unknown', { name, client })
  if (rule === null)
    return t(verdict === 'refused' ? 'why.refused' : 'why.noRule', { name, client })
  const key = verdict === 'blocked' || verdict === 'monitored' ? verdict : 'allowed'
  return t(`why.by.${key}`, { name, rule: rule.id, kind: word('kind', rule.kind) })
}

function Decision({ found }: { readonly found: Explanation }) {
  const { verdict, rule, network, addressNetwork, client, name, type, at, match } = found
  const { upstream, rules, reply, steps, mandates, dnssec } = found
  return (
    <>
      <Card>
        <div class="row">
          <Verdict verdict={verdict} />
          {rule !== null && <Badge>{word('kind', rule.kind)}</Badge>}
          {rule?.monitor === true && <Badge tone="warn">{t('bans.monitored')}</Badge>}
        </div>
        <h2 class="verdict" data-verdict={verdict}>
          {sentenceOf(found)}
        </h2>
        <Facts
          isWide
          facts={[
            ...(rule === null ? [] : factsOf(rule.facts)),
            [
              t('why.matched'),
              rule === null ? null : (
                <>
                  <code>{rule.pattern}</code> {t('why.through', { through: rule.through })}
                </>
              )
            ],
            [
              t('why.where'),
              rule === null ? null : (
                <>
                  <code>{rule.rule}</code>, <code>{rule.source}</code>
                </>
              )
            ],
            [t('bans.from'), rule?.from === undefined ? null : format.value.dateTime(rule.from)],
            [
              t('bans.lastDay'),
              rule?.until === undefined ? null : format.value.lastDay(rule.until)
            ],
            [t('bans.schedule'), rule?.schedule],
            ...mandates.map((one): [string, ComponentChildren] => [
              t('mandate'),
              <span key={one.at}>
                <Badge tone={one.met ? 'good' : 'bad'}>
                  {t(one.met ? 'why.mandateMet' : 'why.mandateUnmet')}
                </Badge>{' '}
                {one.id}: {one.authority}, {one.reference} <code>{one.at}</code>
              </span>
            ]),
            [t('network'), network ?? t('why.noNetwork')],
            [t('field.addressNetwork'), addressNetwork],
            [t('client'), <code>{client}</code>],
            [t('type'), type],
            [t('why.matchedBy'), match === 'none' ? null : word('match', match)],
            [t('upstream'), upstream],
            [t('time'), format.value.dateTime(at)],
            [
              t('rules'),
              rules.sha256 === null ? null : (
                <code>
                  {rules.serial === null
                    ? rules.sha256.slice(0, 16)
                    : `${rules.serial}, ${rules.sha256.slice(0, 16)}`}
                </code>
              )
            ]
          ]}
        />
        {found.past !== undefined && <Past past={found.past} />}
        <div class="row no-print">
          {rule?.kind === 'ban' && (
            <a class="button" href={urlOf('bans', { id: rule.id })}>
              {t('why.showBan')}
            </a>
          )}
          {rule?.kind === 'ban' && network !== null && (
            <a
              class="button main"
              href={urlOf('change', { add: 'exception', name: `=${name}`, network, client })}
            >
              {t('add.exception')}
            </a>
          )}
          {rule?.kind === 'block' && network !== null && (
            <a class="button" href={urlOf('change', { add: 'allow', name: `=${name}`, network })}>
              {t('add.allow')}
            </a>
          )}
          <a class="button" href={urlOf('log', { name: `=${name}` })}>
            {t('why.showName')}
          </a>
          <a class="button" href={urlOf('log', { client })}>
            {t('why.showClient')}
          </a>
          <a class="button" href={urlOf('explore', { name: `=${name}` })}>
            {t('link.exploreName')}
          </a>
          <a class="button" href={urlOf('explore', { client })}>
            {t('link.exploreClient')}
          </a>
        </div>
      </Card>
      <Card title={t('why.steps')}>
        {steps.map(({ subject, rules }) => (
          <section key={subject} class="stack">
            <h3>
              <code class="break">{subject}</code>
            </h3>
            {rules.length === 0 ? <p class="faint">{t('why.none')}</p> : <Rules rules={rules} />}
          </section>
        ))}
      </Card>
      {dnssec !== undefined && <DnssecChain dnssec={dnssec} />}
      {reply !== null && (
        <Card title={t('why.reply')}>
          {reply.length === 0 ? (
            <Alert tone="warn" title={t('why.noReply')} />
          ) : (
            <pre tabIndex={0}>{reply.join('\n')}</pre>
          )}
        </Card>
      )}
    </>
  )
}

/** Why nothing is claimed about the past, and what the query log has. */
function Past({ past }: { readonly past: NonNullable<Explanation['past']> }) {
  const { unknown, notes, log } = past
  return (
    <>
      {[...unknown, ...notes].map(text => (
        <p key={text} class="note">
          {text}
        </p>
      ))}
      {log.lookups.length > 0 && <h3>{t('why.log')}</h3>}
      {log.lookups.map(({ time, type, verdict, rule }) => (
        <p key={time} class="note">
          {format.value.second(time)} {type} <Verdict verdict={verdict} /> <code>{rule}</code>
        </p>
      ))}
    </>
  )
}

/** The reference is a link if it has an address; times are shown as such. */
function factsOf({ referenceUrl, ...facts }: RuleView['facts']) {
  return Object.entries(facts).map(([fact, value]) => {
    const isLink = fact === 'reference' && referenceUrl !== undefined
    const shown = isLink ? (
      <a href={referenceUrl} target="_blank" rel="noreferrer">
        {value} ↗
      </a>
    ) : fact === 'review' ? (
      format.value.day(value)
    ) : (
      value
    )
    return [word('fact', fact), shown] as const
  })
}

/** All that match, the one that decides first, and why the others do not. */
function Rules({ rules }: { readonly rules: readonly RuleView[] }) {
  return (
    <Table
      label={t('why.steps')}
      rows={rules}
      rowClass={({ outcome }) => (outcome === 'decides' ? '' : 'lost')}
      columns={[
        {
          title: t('rule'),
          kind: 'break',
          cell: ({ id, kind }) => (
            <>
              {id} <Badge>{word('kind', kind)}</Badge>
            </>
          )
        },
        {
          title: t('why.outcome'),
          cell: ({ outcome = '' }) =>
            outcome === 'decides' ? (
              <Badge tone="good">{word('outcome', outcome)}</Badge>
            ) : (
              word('outcome', outcome)
            )
        },
        {
          title: t('why.matched'),
          kind: 'break',
          cell: ({ pattern, through }) => (
            <>
              <code>{pattern}</code>
              <br />
              <span class="note">{through}</span>
            </>
          )
        },
        {
          title: t('why.where'),
          kind: 'break',
          cell: ({ rule, source }) => (
            <>
              <code>{rule}</code>
              <br />
              <code class="note">{source}</code>
            </>
          )
        }
      ]}
    />
  )
}
