import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import {
  listStoredReports,
  readStoredReport,
  STORED_NAME,
  storedReportSchema
} from '../../../analysis/views/stored-reports.js'
import { defineRoute } from '../route.js'

export const storedReportRoutes = [
  defineRoute({
    method: 'GET',
    path: '/reports/stored',
    id: 'listStoredReports',
    tag: 'log',
    summary: 'The stored scheduled reports, the latest first',
    scope: 'read',
    response: z.object({ items: z.array(storedReportSchema) }),
    handler: (_, { services }) =>
      Promise.resolve({ items: listStoredReports(services.config.reports) })
  }),
  defineRoute({
    method: 'GET',
    path: '/reports/stored/{name}',
    id: 'getStoredReport',
    tag: 'log',
    summary: 'The page of a stored report',
    description:
      'Self-contained, without scripts. Pages of the same origin may frame it; its content security policy allows its own style sheet and nothing else.',
    scope: 'read',
    params: z.strictObject({
      name: z.string().regex(STORED_NAME, 'a name of the list').describe('Name of the file')
    }),
    produces: 'text/html; charset=utf-8',
    rowsRead: () => null,
    errors: { API_NOT_FOUND: 404 },
    handler: async ({ params }, { services, response }) => {
      const page = await readStoredReport(services.config.reports, params.name)
      if (page === undefined) throw failure('API_NOT_FOUND', 'stored report')
      response.setHeader('content-security-policy', page.policy)
      response.setHeader('x-frame-options', 'SAMEORIGIN')
      response.end(page.html)
    }
  })
]
