import { openApiDocument } from '../src/admin/api/openapi.js'
import { ROUTES } from '../src/admin/api/routes.js'

export const OPENAPI_FILE = 'docs/reference/openapi.json'

/** The OpenAPI document as it is committed. */
export const openApiText = (): string =>
  `${JSON.stringify(openApiDocument(ROUTES), undefined, 2)}\n`
