import type { ComponentChildren } from 'preact'
import type { Ban, Exception } from '../../../web/api/types/rule-responses.js'
import { urlOf } from '../../../web/pages.js'
import { Badge, Card, Facts } from '../../components.js'
import { DeviceButton, hasDevice } from '../../device.js'
import { format, now, t, word } from '../../state.js'
import { Table } from '../../table.js'
import { approvalColumns, lastDayOf, Left, termColumns, TONES } from './rule-term.js'

export function BanCard({
  ban,
  exceptions
}: {
  readonly ban: Ban
  readonly exceptions: readonly Exception[]
}) {
  const {
    id,
    state,
    mode,
    sources,
    authority,
    reference,
    referenceUrl,
    networks,
    lacking,
    partly
  } = ban
  const { scope, uncovered } = ban
  return (
    <Card
      id={`ban-${id}`}
      title={id}
      aside={
        <span class="row">
          <Badge tone={TONES[state]}>{word('state', state)}</Badge>
          {mode === 'monitor' && <Badge tone="warn">{t('bans.monitored')}</Badge>}
          {state === 'to come' && ban.from !== null ? (
            <Badge>{format.value.ago(ban.from, now.value)}</Badge>
          ) : (
            <Left until={ban.until} />
          )}
        </span>
      }
    >
      <div class="grid">
        <Facts
          facts={[
            [t('bans.about'), sources.map(({ title, id }) => title || id).join(', ')],
            [t('bans.authority'), authority],
            [
              t('bans.reference'),
              referenceUrl === null ? (
                reference
              ) : (
                <a href={referenceUrl} target="_blank" rel="noreferrer">
                  {reference ?? referenceUrl} ↗
                </a>
              )
            ],
            [t('bans.legalBasis'), ban.legalBasis],
            [t('bans.owner'), ban.owner],
            [t('bans.action'), <code>{ban.action}</code>],
            ...ban.mandates.map((one): [string, ComponentChildren] => [
              t('mandate'),
              <span key={one.at}>
                {one.id}: {one.authority}, {one.reference} <code>{one.at}</code>
              </span>
            ]),
            [t('why.where'), <code>{ban.rule}</code>]
          ]}
        />
        <Facts
          facts={[
            [t('bans.from'), dateOf(ban.from)],
            [t('bans.lastDay'), lastDayOf(ban.until) ?? t('bans.open')],
            [t('bans.review'), dateOf(ban.review)],
            [t('bans.schedule'), ban.schedule],
            [
              t('bans.covered'),
              <span class="row">
                {networks.map(one => (
                  <Badge key={one} tone="good">
                    {one}
                  </Badge>
                ))}
              </span>
            ],
            [
              t('bans.lacking'),
              lacking.length === 0 ? (
                t('bans.lackingNone')
              ) : (
                <span class="row">
                  {lacking.map(one => (
                    <span key={one} data-lacking={one}>
                      <Badge tone={uncovered.includes(one) ? 'bad' : ''}>
                        {partly.includes(one) ? t('bans.partly', { network: one }) : one}
                      </Badge>
                    </span>
                  ))}
                </span>
              )
            ],
            [
              t('bans.scope'),
              scope === null ? (
                <span data-scope="unknown">{t('bans.noScope')}</span>
              ) : (
                scope.join(', ')
              )
            ]
          ]}
        />
      </div>
      {exceptions.length > 0 && (
        <section class="stack">
          <h3>{t('bans.exceptions')}</h3>
          <Table
            label={t('bans.exceptions')}
            rows={exceptions}
            rowId={({ id }) => id}
            columns={[
              ...approvalColumns(),
              {
                title: t('bans.clients'),
                kind: 'break',
                cell: ({ prefixes, networks }) => (
                  <>
                    {(prefixes.length === 0 ? networks : prefixes).join(', ')}{' '}
                    {prefixes.map(addressOf).map(address => {
                      if (!hasDevice(address, undefined)) return null
                      return <DeviceButton key={address} address={address} />
                    })}
                  </>
                )
              },
              ...termColumns()
            ]}
          />
        </section>
      )}
      <div class="row no-print">
        <a
          class="button small"
          href={urlOf('log', { ban: id, since: '7d' })}
          aria-label={`${t('bans.showLog')}, ${id}`}
        >
          {t('bans.showLog')}
        </a>
        <a
          class="button small"
          href={urlOf('reports', { kind: 'ban', id })}
          aria-label={`${t('bans.showReport')}, ${id}`}
        >
          {t('bans.showReport')}
        </a>
        <a
          class="button small"
          href={urlOf('explore', { ban: id, since: '7d' })}
          aria-label={`${t('page.explore')}, ${id}`}
        >
          {t('page.explore')}
        </a>
        <a
          class="button small"
          href={urlOf('explore', { view: 'effect', ban: id })}
          aria-label={`${t('explore.effect')}, ${id}`}
        >
          {t('explore.effect')}
        </a>
      </div>
    </Card>
  )
}

/** Of a prefix that is one address. */
const addressOf = (prefix: string): string | undefined =>
  /^([\d.]+)\/32$|^([\da-f:]+)\/128$/.exec(prefix)?.slice(1).join('')

const dateOf = (at: string | null): string | null => (at === null ? null : format.value.day(at))
