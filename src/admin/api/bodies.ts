import type { FastifyInstance, FastifyRequest } from 'fastify'
import { failure } from '../../base/errors/error.js'

/** Parses the bodies that routes declare, and refuses all others. */
export function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  // The keys `__proto__` and `constructor` are errors.
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (request.routeOptions.config.route?.body === undefined) done(mediaTypeError(request))
    else void parseJson(request, body as string, done)
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1)
    const types = request.routeOptions.config.route?.upload?.types ?? []
    if (types.includes(type.trim().toLowerCase())) done(null, body)
    else done(mediaTypeError(request))
  })
}

function mediaTypeError({ routeOptions }: FastifyRequest): Error {
  const { body, upload } = routeOptions.config.route ?? {}
  const types = upload?.types.join(', ') ?? (body === undefined ? 'no body' : 'application/json')
  return failure('API_MEDIA_TYPE', types)
}
