import * as z from 'zod'
import { openApiDocument } from './openapi.js'
import { defineRoute, type Route } from './route.js'
import { appRoutes } from './routes/app-routes.js'
import { bindingRoutes } from './routes/binding-routes.js'
import { egressRoutes } from './routes/egress-routes.js'
import { blockRoutes } from './routes/block-routes.js'
import { draftRoutes } from './routes/draft-routes.js'
import { explainRoutes } from './routes/explain-routes.js'
import { exportRoutes } from './routes/export-routes.js'
import { exploreRoutes } from './routes/explore-routes.js'
import { findingRoutes } from './routes/finding-routes.js'
import { fleetRoutes } from './routes/fleet-routes.js'
import { gatewayRoutes } from './routes/gateway-routes.js'
import { historyRoutes } from './routes/history-routes.js'
import { jobRoutes } from './routes/job-routes.js'
import { loginRoutes } from './routes/login-routes.js'
import { lookupRoutes } from './routes/lookup-routes.js'
import { operateRoutes } from './routes/operate-routes.js'
import { proposeRoutes } from './routes/propose-routes.js'
import { rulesHistoryRoutes } from './routes/rules-history-routes.js'
import { rulesRoutes } from './routes/rule-routes.js'
import { storedReportRoutes } from './routes/stored-report-routes.js'
import { whoRoutes } from './routes/who-routes.js'

const openapi = defineRoute({
  method: 'GET',
  path: '/openapi.json',
  id: 'getOpenApi',
  tag: 'api',
  summary: 'This document',
  scope: null,
  response: z.looseObject({ openapi: z.string() }),
  handler: () => Promise.resolve(openApiDocument(ROUTES))
})

/** The table of all routes. To add one, define it in a file of `routes/` and list it here. */
export const ROUTES: readonly Route[] = [
  openapi,
  ...loginRoutes,
  ...jobRoutes,
  ...gatewayRoutes,
  ...historyRoutes,
  ...rulesRoutes,
  ...rulesHistoryRoutes,
  ...blockRoutes,
  ...appRoutes,
  ...explainRoutes,
  ...lookupRoutes,
  ...whoRoutes,
  ...bindingRoutes,
  ...egressRoutes,
  ...exportRoutes,
  ...exploreRoutes,
  ...findingRoutes,
  ...storedReportRoutes,
  ...operateRoutes,
  ...proposeRoutes,
  ...draftRoutes,
  ...fleetRoutes
]
