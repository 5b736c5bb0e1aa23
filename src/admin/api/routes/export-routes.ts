import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import { serializeError } from '../../../base/errors/serialized-error.js'
import { resultFor } from '../job-view.js'
import { exportOf, lookupConditions } from '../log-questions.js'
import { EXPORT_TYPES, ExportStream, StoredExport } from '../lookup-export.js'
import { defineRoute } from '../route.js'

const FORMATS = ['csv', 'jsonl', 'parquet'] as const

export const exportRoutes = [
  defineRoute({
    method: 'GET',
    path: '/lookups/export',
    id: 'exportLookups',
    tag: 'log',
    summary: 'All lookups that match, as a file that is sent while the log is read',
    description:
      'As "interdict query --all": in the order of the log, not sorted, and with clients as the log has them. An export of any ' +
      'size takes no more memory. It waits for its client, and ends with it; a response without its end is incomplete. With ' +
      '`Prefer: respond-async` the file is made by a job, and `GET /jobs/{id}/file` has it for a day.',
    scope: 'read',
    query: z.strictObject({
      format: z.enum(FORMATS).default('csv').describe('`jsonl`: one JSON object per line'),
      ...lookupConditions
    }),
    produces: Object.values(EXPORT_TYPES),
    job: true,
    rowsRead: found => (found as ExportStream | StoredExport).rows,
    errors: { API_BUSY: 503, API_COMMAND_TIME: 503, API_COMMAND: 500, API_NOT_FOUND: 404 },
    handler: async ({ query }, { services, principal, isJob, response, exported }) => {
      const { format, ...conditions } = query
      const { config, log } = services
      if (config.log.queries.which === 'none')
        throw failure('API_NOT_FOUND', 'query log: log.queries.which is none')
      const perform = exported({ ...exportOf(conditions), format })
      if (isJob) return StoredExport.make(config.state.folder, format, perform)
      const stream = new ExportStream(response, format, () => principal!.isValid())
      return stream.begin(perform, error => {
        log.warn({ by: principal!.name, error: serializeError(error) }, 'export of lookups ended')
      })
    }
  }),
  defineRoute({
    method: 'GET',
    path: '/jobs/{id}/file',
    id: 'getJobFile',
    tag: 'jobs',
    summary: 'The file that a job of your own has made',
    scope: 'any',
    params: z.strictObject({ id: z.uuid('an id').describe('Of the job') }),
    produces: Object.values(EXPORT_TYPES),
    rowsRead: found => (found as StoredExport).rows,
    errors: { API_NOT_FOUND: 404 },
    handler: async ({ params }, { jobs, principal, response }) => {
      const { result } = resultFor(jobs.get(params.id, principal!), principal!)
      if (!(result instanceof StoredExport))
        throw failure('API_NOT_FOUND', `file of job ${params.id}`)
      await result.send(response)
      return result
    }
  })
]
