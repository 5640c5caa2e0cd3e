/** The other tabs of the frontend, which share the cookies of this one. */

export interface Tabs {
  /** Tell the others that the session, or its CSRF token, is another one now. */
  tell: () => void;
  close: () => void;
}

/**
 * Call `changed` when another tab says that the session has changed.
 *
 * SECURITY: the message says nothing more. Each tab asks the backend for itself.
 */
export function openTabs(name: string, changed: () => void): Tabs {
  // A server has a BroadcastChannel too, which would keep its process alive.
  if (typeof document === "undefined" || typeof BroadcastChannel === "undefined") {
    return { tell: () => undefined, close: () => undefined };
  }
  const channel = new BroadcastChannel(name);
  channel.onmessage = changed;
  return {
    tell() {
      channel.postMessage("changed");
    },
    close() {
      channel.close();
    },
  };
}
