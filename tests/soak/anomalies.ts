const kept = 50;

/** What nothing explains: each is a fault of the service, or of the soak. */
export class Anomalies {
  readonly list: string[] = [];
  count = 0;

  readonly add = (what: string): void => {
    this.count += 1;
    if (this.list.length < kept) this.list.push(what);
  };
}
