/** What a search has reached, in percent: the first step that a person sees ... */
export const STARTED_PERCENT = 5;
/** ... the selfie's face is found and embedded ... */
export const SELFIE_PERCENT = 20;
/** ... all of the gallery is searched; 100 is the end. */
export const GALLERY_PERCENT = 95;
