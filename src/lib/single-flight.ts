/**
 * Look-ups that callers who ask the same share, without an older answer for anyone: who asks while one is under way waits
 * for the next, which begins after he asked, together with all others who came meanwhile. However many ask at once, the
 * database is asked twice.
 */
export class Rounds<Answer> {
  readonly #rounds = new Map<string, { current: Promise<Answer>; next?: Promise<Answer> }>();

  /**
   * The answer of a look-up that begins now or later.
   * @param question - look-ups of equal questions are interchangeable
   */
  ask(question: string, lookUp: () => Promise<Answer>): Promise<Answer> {
    const underWay = this.#rounds.get(question);
    if (!underWay) return this.#begin(question, lookUp);
    const begin = () => this.#begin(question, lookUp);
    return (underWay.next ??= underWay.current.then(begin, begin));
  }

  #begin(question: string, lookUp: () => Promise<Answer>): Promise<Answer> {
    const round = { current: lookUp() };
    this.#rounds.set(question, round);
    const end = () => {
      if (this.#rounds.get(question) === round && !('next' in round)) this.#rounds.delete(question);
    };
    round.current.then(end, end);
    return round.current;
  }
}
