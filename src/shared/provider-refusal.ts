/** An execution provider that is not used, and the reason, for a person. */
export interface ProviderRefusal {
  readonly provider: string;
  readonly reason: string;
}
