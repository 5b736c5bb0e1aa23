import type { DnssecView } from '../../web/api/types/rule-responses.js'
import { Badge, Card } from '../components.js'
import { t, word } from '../state.js'
import { Table } from '../table.js'

const TONES: Readonly<Record<string, string>> = {
  ...{ secure: 'good', bogus: 'bad', indeterminate: 'warn' }
}

function VerdictBadge({ verdict }: { readonly verdict: string }) {
  return <Badge tone={TONES[verdict] ?? ''}>{word('dnssec', verdict)}</Badge>
}

/** The chain of trust from the trust anchor to the answer: what signed each step, or what failed. */
export function DnssecChain({ dnssec }: { readonly dnssec: DnssecView }) {
  const { mode, verdict, ede, reason, steps } = dnssec
  const isRejected = ede !== null && (verdict === 'bogus' || verdict === 'indeterminate')
  return (
    <Card title={t('why.dnssec')}>
      <div class="row">
        <VerdictBadge verdict={verdict} />
        {isRejected && (
          <span>{t(mode === 'enforce' ? 'why.rejected' : 'why.wouldReject', { ede })}</span>
        )}
      </div>
      {reason !== '' && <p class="break">{reason}</p>}
      <Table
        label={t('why.dnssec')}
        rows={steps}
        columns={[
          {
            title: t('why.records'),
            kind: 'break',
            cell: ({ subject }) => <code>{subject}</code>
          },
          { title: t('filter.verdict'), cell: step => <VerdictBadge verdict={step.verdict} /> },
          { title: t('why.signedBy'), kind: 'break', cell: ({ text }) => text }
        ]}
      />
    </Card>
  )
}
