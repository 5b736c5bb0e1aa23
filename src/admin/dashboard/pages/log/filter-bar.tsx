import { useState } from 'preact/hooks'
import { FILTERS, parseFilter, type FilterName, type Filters } from '../../../web/log-filter.js'
import { Field, Select } from '../../components.js'
import { isSpan, PeriodSelect } from '../../period-select.js'
import { t, word } from '../../state.js'
import type { View } from './rows.js'

const VERDICTS = [
  'blocked',
  'monitored',
  'allowed',
  'forwarded',
  'cached',
  'stale',
  'refused',
  'failed',
  'local',
  'probe',
  'observed'
]

function without(filters: Filters, name: FilterName): Filters {
  return Object.fromEntries(Object.entries(filters).filter(([one]) => one !== name))
}

export function FilterBar({ filters, isLive, go }: View & { readonly isLive: boolean }) {
  const [name, setName] = useState<FilterName | 'auto'>('auto')
  const [text, setText] = useState('')
  // The choice of the period shows the times.
  const chips = Object.entries(filters).filter(([one]) => one !== 'since' && one !== 'until')
  const add = (event: Event): void => {
    event.preventDefault()
    const found = name === 'auto' ? parseFilter(text) : ([name, text.trim()] as const)
    if (found === undefined || found[1] === '') return
    go({ ...filters, [found[0]]: found[1] })
    setText('')
  }
  return (
    <div class="stack">
      <form class="row ends" onSubmit={add}>
        <Select
          label={t('log.field')}
          value={name}
          options={[
            ['auto', t('log.auto')],
            ...FILTERS.filter(one => one !== 'verdict').map(
              one => [one, t(`filter.${one}`)] as const
            )
          ]}
          onChange={value => setName(value as FilterName)}
        />
        <Field label={t('log.value')} wide>
          <input
            value={text}
            spellcheck={false}
            autocapitalize="off"
            placeholder="tiktok.com, 10.0.0.7, app:tiktok"
            onInput={event => setText(event.currentTarget.value)}
          />
        </Field>
        <button class="button">{t('log.add')}</button>
        <Select
          label={t('filter.verdict')}
          value={filters.verdict ?? ''}
          options={[
            ['', t('log.all')],
            ...VERDICTS.map(one => [one, word('verdict', one)] as const)
          ]}
          onChange={verdict =>
            go({ ...without(filters, 'verdict'), ...(verdict !== '' && { verdict }) })
          }
        />
        {!isLive && (
          <PeriodSelect
            period={filters}
            hasAll
            onChange={times => go({ ...without(without(filters, 'since'), 'until'), ...times })}
          />
        )}
      </form>
      {isSpan(filters.since ?? '') && !isLive && <p class="note">{t('log.moving')}</p>}
      {chips.length > 0 && (
        <ul class="chips" aria-label={t('log.filters')}>
          {chips.map(([one, value]) => (
            <li key={one} class="chip">
              <span>
                {t(`filter.${one as FilterName}`)}{' '}
                <b>{one === 'verdict' ? word('verdict', value) : value}</b>
              </span>
              <button
                type="button"
                aria-label={t('log.remove', {
                  filter: `${t(`filter.${one as FilterName}`)} ${value}`
                })}
                onClick={() => go(without(filters, one as FilterName))}
              >
                ✕
              </button>
            </li>
          ))}
          <li>
            <button type="button" class="link note" onClick={() => go({})}>
              {t('log.clear')}
            </button>
          </li>
        </ul>
      )}
    </div>
  )
}
