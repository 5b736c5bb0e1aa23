import { createPrivateKey } from 'node:crypto'
import type { Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import type { Mandate } from '../../src/policy/rules/mandates/mandate.js'
import { readMandate } from '../../src/policy/rules/mandates/read-mandate.js'
import { withMandateSignature } from '../../src/policy/rules/mandates/signed-text.js'
import { loadGood, type Files } from './folder.js'

export const { privatePem, publicKey } = generateKeys()
const key = createPrivateKey(privatePem)
/** 2026-12-01 */
export const NOW = 1_796_083_200

export const signed = (text: string): Uint8Array => withMandateSignature(Buffer.from(text), key)

/** @param bans in YAML, indented as in a file */
export const mandateText = (bans: string, issued = '2026-01-01'): string => `mandate: be-federal
issued: ${issued}
authority: National Security Council
reference: Decision of 10 March 2023
bans:
${bans}`

export function mandate(bans: string, issued?: string): Mandate {
  const octets = signed(mandateText(bans, issued))
  const result = readMandate(octets, 'be.yaml', [publicKey], NOW)
  if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join('\n'))
  return result.mandate
}

export const TIKTOK = `app: tiktok
title: TikTok
names:
  - tiktok.com
  - tiktokv.com
`

/** @param networks in YAML, indented as in a file */
export const rules = (
  t: Test,
  networks: string,
  apps: Files = { 'apps/tiktok.yaml': TIKTOK }
): Promise<RuleSet> =>
  loadGood(t, { 'networks.yaml': `networks:\n${networks}`, ...apps }, NOW * 1000)
