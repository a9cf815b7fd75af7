/** The roles of two people: the maker was there first, the joiner came second. */

export type Side = "maker" | "joiner";

export const SIDES: readonly Side[] = ["maker", "joiner"];

export function otherSide(side: Side): Side {
  return side === "maker" ? "joiner" : "maker";
}
