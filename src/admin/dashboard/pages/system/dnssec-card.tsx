import type { Report } from '../../../web/api/types/log-responses.js'
import { urlOf } from '../../../web/pages.js'
import { Card } from '../../components.js'
import { ReportTable } from '../../report-table.js'
import { t } from '../../state.js'
import { useApi } from '../../use-api.js'

const SINCE = '7d'
const TOP = 5
/** Reports read the log. */
const EVERY = 600

/** The domains of which most would fail if DNSSEC were enforced, with whom to call; nothing if there are none. */
export function DnssecCard() {
  const report = useApi<Report>('/reports/dnssec', { since: SINCE, top: TOP }, EVERY)
  const rows = report.data?.tables.domains ?? []
  if (rows.length === 0) return null
  return (
    <Card
      title={t('reports.dnssec')}
      aside={
        <a class="button small" href={urlOf('reports', { kind: 'dnssec', since: SINCE })}>
          {t('bans.showReport')}
        </a>
      }
    >
      <ReportTable id="dnssec-domains" title={t('reports.dnssec')} rows={rows} />
    </Card>
  )
}
