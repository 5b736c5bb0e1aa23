import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import * as z from 'zod'

/** impactAnalysisState and impactAnalysisJustification of CycloneDX 1.5. */
const STATES = ['resolved', 'exploitable', 'in_triage', 'false_positive', 'not_affected'] as const
const CONTROL = 'protected_by_mitigating_control'
const JUSTIFICATIONS = [
  ...(['code_not_present', 'code_not_reachable', 'requires_configuration'] as const),
  ...(['requires_dependency', 'requires_environment', 'protected_by_compiler'] as const),
  ...(['protected_at_runtime', 'protected_at_perimeter', CONTROL] as const)
]

const text = z.string().min(1)
const statements = z.array(
  z
    .strictObject({
      id: z.string().regex(/^(CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3})$/),
      component: text,
      state: z.enum(STATES),
      justification: z.enum(JUSTIFICATIONS).optional(),
      detail: text,
      /** A file below `test`, and the title of a test in it. */
      test: z.tuple([text, text]).optional(),
      reviewed: z.iso.date()
    })
    .refine(
      ({ state, justification }) => (state === 'not_affected') === (justification !== undefined),
      {
        error: 'not_affected has a justification, and nothing else has'
      }
    )
    .refine(({ justification, test }) => justification !== CONTROL || test !== undefined, {
      error: 'a control has the test that shows it'
    })
)

/** What is known of one vulnerability. */
export type Statement = z.infer<typeof statements>[number]

interface Bom {
  readonly serialNumber: string
  readonly version: number
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
}

interface Component {
  readonly name: string
  readonly 'bom-ref': string
}

/** Reads reviewed statements. @throws Error for one that is incomplete */
export function readStatements(file = 'tools/package/vulnerabilities.yaml'): readonly Statement[] {
  const result = statements.safeParse(parse(readFileSync(file, 'utf8')))
  if (!result.success) throw new Error(`${file}: ${z.prettifyError(result.error)}`)
  return result.data
}

/**
 * The VEX document of CycloneDX that belongs to a bill of materials: each vulnerability refers to components in it by
 * BOM-Link.
 *
 * @param bom as `sbom` returns it
 * @param epoch in seconds
 * @throws Error for a component that the bill of materials does not have
 */
export function vex(bom: string, epoch: number, known: readonly Statement[]): string {
  const { serialNumber, version, metadata, components } = JSON.parse(bom) as Bom
  const link = `urn:cdx:${serialNumber.replace('urn:uuid:', '')}/${version}`
  const refsOf = (name: string): { ref: string }[] => {
    const refs = [metadata.component, ...components]
      .filter(component => component.name === name)
      .map(component => ({ ref: `${link}#${encodeURIComponent(component['bom-ref'])}` }))
    if (refs.length === 0) throw new Error(`the bill of materials has no ${name}`)
    return refs
  }
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { timestamp: new Date(epoch * 1000).toISOString(), component: metadata.component },
    vulnerabilities: known.map(({ id, component, state, justification, detail, reviewed }) => ({
      id,
      source: { name: id.startsWith('CVE') ? 'NVD' : 'GitHub', url: pageOf(id) },
      analysis: { state, ...(justification === undefined ? {} : { justification }), detail },
      updated: `${reviewed}T00:00:00.000Z`,
      affects: refsOf(component)
    }))
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

const pageOf = (id: string): string =>
  id.startsWith('CVE')
    ? `https://nvd.nist.gov/vuln/detail/${id}`
    : `https://github.com/advisories/${id}`
