/** The order of the requests of a page. */

export interface Queue {
  /** Run `task` beside other shared ones, after the exclusive ones before it. */
  shared: <T>(task: () => Promise<T>) => Promise<T>;
  /** Run `task` alone, after all before it. */
  exclusive: <T>(task: () => Promise<T>) => Promise<T>;
}

/**
 * Make a queue in which what may change the session runs alone.
 *
 * A login replaces the session and the CSRF token. A request that is sent beside it comes
 * with the old ones, and its answer may bring back a cookie that the login has replaced.
 *
 * No task may reject.
 */
export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve();
  let beside: Promise<unknown>[] = [];
  return {
    shared(task) {
      const running = last.then(task);
      beside.push(running);
      return running;
    },
    exclusive(task) {
      const running = Promise.all([last, ...beside]).then(task);
      beside = [];
      last = running;
      return running;
    },
  };
}
