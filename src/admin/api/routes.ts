import * as z from 'zod'
import { openApiDocument } from './openapi.js'
import { defineRoute, type Route } from './route.js'
import { appRoutes } from './routes/apps.js'
import { blockRoutes } from './routes/blocks.js'
import { explainRoutes } from './routes/explain.js'
import { fleetRoutes } from './routes/fleet.js'
import { gatewayRoutes } from './routes/gateway.js'
import { historyRoutes } from './routes/history.js'
import { loginRoutes } from './routes/login.js'
import { lookupRoutes } from './routes/lookups.js'
import { operateRoutes } from './routes/operate.js'
import { proposeRoutes } from './routes/propose.js'
import { rulesHistoryRoutes } from './routes/rules-history.js'
import { rulesRoutes } from './routes/rules.js'
import { storedReportRoutes } from './routes/stored-reports.js'

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
  ...gatewayRoutes,
  ...historyRoutes,
  ...rulesRoutes,
  ...rulesHistoryRoutes,
  ...blockRoutes,
  ...appRoutes,
  ...explainRoutes,
  ...lookupRoutes,
  ...storedReportRoutes,
  ...operateRoutes,
  ...proposeRoutes,
  ...fleetRoutes
]
