import { useState } from 'preact/hooks'
import type { JudgedProfile } from '../../../web/api/types/rule-responses.js'
import { Badge, Card, Field, Load } from '../../components.js'
import { t, word } from '../../state.js'
import { Table } from '../../table.js'
import { useApi } from '../../use-api.js'

/** Proper names, which need no translation. */
const PROFILES = {
  'nist-800-81r3': 'NIST SP 800-81r3',
  'nsa-cisa-pdns': 'NSA/CISA PDNS',
  'cisa-encrypted-dns': 'CISA Encrypted DNS',
  nis2: 'NIS2'
}
const TONES: Readonly<Record<string, string>> = { met: 'good', partly: 'warn', 'not met': 'bad' }

/** What settings and rules show of published guidance. Requirements are in English, as their originals are. */
export function ProfileCard() {
  const [id, setId] = useState('nist-800-81r3')
  const judged = useApi<JudgedProfile>(`/profiles/${id}`)
  return (
    <Card title={t('system.guidance')}>
      <p class="note">{t('system.guidanceNote')}</p>
      <Field label={t('system.document')}>
        <select value={id} onChange={event => setId(event.currentTarget.value)}>
          {Object.entries(PROFILES).map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Load from={judged}>
        {({ document, original, requirements }) => (
          <>
            <p class="note" lang="en">
              {document}. {original}
            </p>
            <Table
              id="guidance"
              label={t('system.guidance')}
              rows={requirements}
              columns={[
                {
                  title: t('state'),
                  cell: ({ state }) => (
                    <Badge tone={TONES[state] ?? ''}>{word('judged', state)}</Badge>
                  )
                },
                {
                  title: t('system.requirement'),
                  kind: 'break',
                  cell: ({ text, section }) => (
                    <span lang="en">
                      {text} ({section})
                    </span>
                  )
                },
                {
                  title: t('system.found'),
                  kind: 'break',
                  cell: ({ found, change }) => (
                    <span lang="en">
                      {found}
                      {change !== null && (
                        <p class="note">
                          <code>{change}</code>
                        </p>
                      )}
                    </span>
                  )
                }
              ]}
            />
          </>
        )}
      </Load>
    </Card>
  )
}
