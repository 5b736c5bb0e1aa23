import type { List, Listing } from '../../web/api/types/rule-responses.js'
import type { Change, Machine, Status } from '../../web/api/types/status-responses.js'
import { Badge, Card, Load, Title } from '../components.js'
import { format, may, t, word } from '../state.js'
import { Table } from '../table.js'
import { useApi } from '../use-api.js'
import { Actions } from './system/actions.js'
import { DnssecCard } from './system/dnssec-card.js'
import { GatewayCard } from './system/gateway-card.js'
import { Lists } from './system/lists.js'
import { ProfileCard } from './system/profile-card.js'
import { Certificates, LogPipeline, Upstreams, Workers } from './system/state-cards.js'

export function Page() {
  const status = useApi<Status>('/status', {}, 10)
  const machine = useApi<Machine>('/process', {}, 10)
  const lists = useApi<Listing<List>>('/lists', { limit: 1000 }, 60)
  return (
    <>
      <Title text={t('page.system')} />
      <Load from={status}>
        {data => (
          <>
            <GatewayCard status={data} machine={machine.data} />
            <div class="grid">
              <Workers status={data} />
              <LogPipeline status={data} />
            </div>
            <div class="grid wide">
              <Upstreams status={data} />
              <Lists lists={lists} />
              <Certificates status={data} />
            </div>
          </>
        )}
      </Load>
      <DnssecCard />
      {may('operate') && <Actions />}
      <Audit />
      <ProfileCard />
    </>
  )
}

function Audit() {
  const changes = useApi<Listing<Change>>('/changes', { limit: 100 }, 30)
  return (
    <Card title={t('system.audit')}>
      <Load from={changes}>
        {({ items }) => (
          <Table
            none={t('system.noChanges')}
            id="audit"
            label={t('system.audit')}
            hasHeadings={false}
            rows={items}
            columns={[
              { title: t('time'), cell: ({ at }) => format.value.dateTime(at) },
              { title: t('system.by'), cell: ({ by }) => by ?? t('system.file') },
              { title: t('system.what'), cell: ({ operation }) => word('operation', operation) },
              {
                title: t('system.subject'),
                kind: 'break',
                cell: ({ subject }) => <code>{subject}</code>
              },
              {
                title: t('system.result'),
                cell: ({ code }) => (
                  <Badge tone={code === null ? 'good' : 'bad'}>{code ?? t('system.done')}</Badge>
                )
              }
            ]}
          />
        )}
      </Load>
    </Card>
  )
}
