import type { RefusalCause } from '../api/generated/wire';

/** Causes that new files with a new password cure. */
export function needsNewSecret(cause: RefusalCause): boolean {
  return cause === 'wrong_password' || cause === 'no_credentials' || cause === 'not_claimed' || cause === 'untrusted_authority';
}
