import type { z } from 'zod'
import type { draftView } from '../../src/admin/api/routes/draft-routes.js'
import type * as sent from '../../src/admin/api/routes/schema-routes.js'
import type { BanView, GapView, GatewayView, RingView } from '../../src/fleet/hub/views.js'
import type { Explanation, RuleView } from '../../src/analysis/views/explanation.js'
import type { Draft } from '../../src/admin/web/api/types/draft-responses.js'
import type * as fleet from '../../src/admin/web/api/types/fleet-responses.js'
import type * as read from '../../src/admin/web/api/types/rule-responses.js'

type Reads<Read, Sent extends Read> = Sent

/** Compiles only if responses have everything that the dashboard reads of them. */
export type Responses = [
  Reads<fleet.FleetGateway, GatewayView>,
  Reads<fleet.FleetGap, GapView>,
  Reads<fleet.FleetRing, RingView>,
  Reads<fleet.FleetBan, BanView>,
  Reads<Draft, z.output<typeof draftView>>,
  Reads<read.RuleView, RuleView>,
  Reads<read.Ban, z.output<typeof sent.ban>>,
  Reads<read.Exception, z.output<typeof sent.exception>>,
  Reads<read.Notice, z.output<typeof sent.notice>>,
  Reads<read.Block, z.output<typeof sent.block>>,
  Reads<read.Network, z.output<typeof sent.network>>,
  Reads<read.List, z.output<typeof sent.list>>,
  Reads<read.Explanation, Explanation & { readonly timeZone: string }>
]
