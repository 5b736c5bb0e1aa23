import * as z from 'zod'
import { jobSchema, jobWithResult, resultFor, viewOf } from '../job-view.js'
import { defineRoute } from '../route.js'

const id = z.strictObject({ id: z.uuid('an id').describe('Of the job') })

const WHOSE = 'Your own; with the scope `operate` all, without their results.'

export const jobRoutes = [
  defineRoute({
    method: 'GET',
    path: '/jobs',
    id: 'listJobs',
    tag: 'jobs',
    summary: 'Jobs that wait, run, or have ended, the oldest first',
    description: WHOSE,
    scope: 'any',
    response: z.object({ items: z.array(jobSchema) }),
    handler: (_, { jobs, principal }) =>
      Promise.resolve({ items: jobs.visibleTo(principal!).map(job => viewOf(job, principal!)) })
  }),
  defineRoute({
    method: 'GET',
    path: '/jobs/{id}',
    id: 'getJob',
    tag: 'jobs',
    summary: 'A job: its state and progress, at the end its result, or why it failed',
    description: `${WHOSE} It is kept for a day after its end.`,
    scope: 'any',
    params: id,
    errors: { API_NOT_FOUND: 404 },
    response: jobWithResult,
    handler: ({ params }, { jobs, principal }) => {
      const job = jobs.get(params.id, principal!)
      return Promise.resolve({ ...viewOf(job, principal!), ...resultFor(job, principal!) })
    }
  }),
  defineRoute({
    method: 'DELETE',
    path: '/jobs/{id}',
    id: 'cancelJob',
    isChange: false,
    tag: 'jobs',
    summary: 'Cancel a job, or forget one that has ended',
    description: WHOSE,
    scope: 'any',
    params: id,
    errors: { API_NOT_FOUND: 404 },
    handler: ({ params }, { jobs, principal }) => {
      jobs.cancel(params.id, principal!)
      return Promise.resolve()
    }
  })
]
