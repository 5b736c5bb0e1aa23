import type { JsonSchema } from '../../../web/editor/schema-options.js'

/** JSON Schemas of rule files: none until the bundler puts them in place of this module (`tools/packed/dashboard.ts`). */
export const SCHEMAS: Readonly<Record<string, JsonSchema>> = {}
