# NOTE at the bottom of the picture, broken at its " · " into lines that fit.

note_x_ = min(LEFT, 72)
note_most_ = int((W - note_x_ - 12) / 6.0)
array NOTE_LINE[8]
note_lines_ = 1; NOTE_LINE[1] = ""; part_ = ""
do for [i_ = 1:words(NOTE) + 1] {
    w_ = i_ <= words(NOTE) ? word(NOTE, i_) : "·"
    if (w_ ne "·") {
        part_ = part_.(strlen(part_) ? " " : "").w_
    } else {
        if (strlen(NOTE_LINE[note_lines_]) && note_lines_ < 8 && \
            strlen(NOTE_LINE[note_lines_]) + 7 + strlen(part_) > note_most_) {
            note_lines_ = note_lines_ + 1; NOTE_LINE[note_lines_] = ""
        }
        NOTE_LINE[note_lines_] = NOTE_LINE[note_lines_]. \
            (strlen(NOTE_LINE[note_lines_]) ? "   ·   " : "").part_
        part_ = ""
    }
}
do for [i_ = 1:note_lines_] {
    set label NOTE_LINE[i_] at screen sx(note_x_), sy(H - 12 - 15 * (note_lines_ - i_)) left \
        textcolor rgb GREY font FONT.",".(TERM_SIZE - 2) front
}
