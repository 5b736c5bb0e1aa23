import { openApiDocument } from '../src/daemon/admin/http/api/openapi.js'
import { ROUTES } from '../src/daemon/admin/http/api/routes.js'

export const OPENAPI_FILE = 'docs/reference/openapi.json'

/** The OpenAPI document as it is committed. */
export const openApiText = (): string =>
  `${JSON.stringify(openApiDocument(ROUTES), undefined, 2)}\n`
