// Passkeys in the browser. Whoever closes the browser's own dialog has done nothing wrong: that is null, not an error.

import { browserSupportsWebAuthn, startAuthentication, startRegistration } from "@simplewebauthn/browser"

/** @typedef {import("@simplewebauthn/browser").PublicKeyCredentialRequestOptionsJSON} RequestOptions */
/** @typedef {import("@simplewebauthn/browser").PublicKeyCredentialCreationOptionsJSON} CreationOptions */

/** This device has such a passkey already. */
export class PasskeyExists extends Error {}

// Browsers refuse passkeys at bare addresses.
export function passkeysWork() {
  return browserSupportsWebAuthn() && !/^(\[.*\]|[\d.]+)$/.test(location.hostname)
}

/** @param {RequestOptions} optionsJSON */
export function usePasskey(optionsJSON) {
  return orNull(() => startAuthentication({ optionsJSON }))
}

/** @param {CreationOptions} optionsJSON */
export function createPasskey(optionsJSON) {
  return orNull(() => startRegistration({ optionsJSON }))
}

/** @template Answer @param {() => Promise<Answer>} ask @returns {Promise<Answer | null>} */
async function orNull(ask) {
  try {
    return await ask()
  } catch (error) {
    const { name, cause } = /** @type {Error} */ (error)
    const names = [name, /** @type {Error | undefined} */ (cause)?.name]
    if (names.includes("InvalidStateError")) throw new PasskeyExists()
    if (names.includes("NotAllowedError") || names.includes("AbortError")) return null
    throw error
  }
}
