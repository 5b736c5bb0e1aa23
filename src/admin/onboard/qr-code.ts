import { toString } from 'qrcode'

/**
 * Draws a text as a QR code (ISO/IEC 18004): an SVG image; for a terminal, black on white whatever its
 * colours; or characters without colours.
 */
export async function drawQrCode(
  text: string,
  format: 'svg' | 'terminal' | 'utf8'
): Promise<string> {
  const drawn = await toString(text, { type: format, errorCorrectionLevel: 'M', small: true })
  return drawn.endsWith('\n') ? drawn : `${drawn}\n`
}
