package Onair::LLHLS::Rules;

# The rules of low-latency HLS that can be seen from outside, one function
# each.  A rule is given one hash and returns a text for each violation.

use strict;
use warnings;

use POSIX qw(ceil floor);
use Onair::LLHLS::HTTP;
use Onair::LLHLS::Playlist;


our (%PLAYLIST, %SUCCESSION, %PART, %SEGMENT, %MULTIVARIANT, %PRESENTATION);

# What printing with a few decimal places may take off or add.
my $ROUNDING = 0.0006;


# Runs the rules of a table: a list of { rule, where, text }.
sub apply {
    my ($table, $context) = @_;

    my @violations;

    for my $rule (sort keys %$table) {
        push @violations, map { { rule => $rule, where => $context->{where},
                                  text => $_ } }
                          $table->{$rule}->($context);
    }

    return @violations;
}


# --- one playlist: { p, path, others } -----------------------------------

$PLAYLIST{syntax} = sub { @{ $_[0]{p}{errors} } };


$PLAYLIST{version_is_what_is_needed} = sub {
    my $p = $_[0]{p};
    my $version = $p->{version} // 1;
    my $needed = $p->{skipped} ? 9 : $p->{tags}{'EXT-X-MAP'} ? 6 : 3;

    return $version == $needed ? () : "EXT-X-VERSION:$version, not $needed";
};


$PLAYLIST{header_is_complete} = sub {
    my $p = $_[0]{p};

    return map { "no #$_" } grep { !$p->{tags}{$_} }
           qw(EXT-X-TARGETDURATION EXT-X-MEDIA-SEQUENCE EXT-X-SERVER-CONTROL
              EXT-X-PART-INF);
};


$PLAYLIST{discontinuity_sequence_is_written} = sub {
    my $p = $_[0]{p};

    return if $p->{tags}{'EXT-X-DISCONTINUITY-SEQUENCE'};
    return 'a DISCONTINUITY without DISCONTINUITY-SEQUENCE'
        if $p->{tags}{'EXT-X-DISCONTINUITY'};
    return;
};


$PLAYLIST{hold_backs_are_long_enough} = sub {
    my $p = $_[0]{p};
    my $control = $p->{server_control} // {};
    my $target = $p->{target_duration} // 0;

    my @least = (['PART-HOLD-BACK', 3 * ($p->{part_target} // 0)],
                 ['HOLD-BACK', 3 * $target],
                 ['CAN-SKIP-UNTIL', 6 * $target]);

    return map { "$_->[0] is below $_->[1]" }
           grep { ($control->{$_->[0]} // 0) < $_->[1] - 1e-9 } @least;
};


$PLAYLIST{blocking_reload_is_offered} = sub {
    my $p = $_[0]{p};

    return if $p->{endlist} || $p->{server_control}{'CAN-BLOCK-RELOAD'};
    return 'no CAN-BLOCK-RELOAD=YES';
};


$PLAYLIST{extinf_rounds_to_the_target} = sub {
    my $p = $_[0]{p};

    return map { "$_->{uri} of $_->{duration} s" }
           grep { $_->{complete}
                  && floor($_->{duration} + 0.5) > $p->{target_duration} }
           @{ $p->{segments} };
};


$PLAYLIST{parts_are_not_above_the_target} = sub {
    my $p = $_[0]{p};

    return map { "$_->{URI} of $_->{DURATION} s" }
           grep { $_->{DURATION} > $p->{part_target} + 1e-9 }
           Onair::LLHLS::Playlist::parts($p);
};


# 4.4.4.9: at least 85% of the target, but the last of a segment and those
# in front of an independent one or a discontinuity.
$PLAYLIST{parts_are_not_much_below_the_target} = sub {
    my $p = $_[0]{p};
    my @parts = Onair::LLHLS::Playlist::parts($p);
    my @violations;

    for my $i (0 .. $#parts) {
        my ($part, $next) = @parts[$i, $i + 1];

        next if $part->{INDEPENDENT} || !$next
                || $next->{msn} != $part->{msn} || $next->{GAP};
        push @violations, "$part->{URI} of $part->{DURATION} s"
            if $part->{DURATION} < 0.85 * $p->{part_target} - $ROUNDING;
    }

    return @violations;
};


$PLAYLIST{parts_make_up_their_segment} = sub {
    my $p = $_[0]{p};
    my @violations;

    for my $segment (grep { $_->{complete} && @{ $_->{parts} } }
                     @{ $p->{segments} })
    {
        my $sum = 0;
        $sum += $_->{DURATION} for @{ $segment->{parts} };
        push @violations, "$segment->{uri} of $segment->{duration} s has parts"
                          . " of $sum s"
            if abs($sum - $segment->{duration}) > 0.0001
                                                  * (1 + @{ $segment->{parts} });
    }

    return @violations;
};


$PLAYLIST{segment_tags_come_before_its_parts} = sub {
    return map { my $segment = $_;
                 map { "$_ of segment $segment->{msn} behind a part" }
                 @{ $segment->{late} } }
           @{ $_[0]{p}{segments} };
};


$PLAYLIST{every_segment_has_a_map} = sub {
    my $p = $_[0]{p};

    return map { "segment $_->{msn}" }
           grep { !defined $_->{effective_map} && !$_->{skipped} }
           $p->{skipped} ? () : @{ $p->{segments} };
};


$PLAYLIST{dates_stand_where_they_must} = sub {
    my $p = $_[0]{p};
    my ($first) = @{ $p->{segments} };
    my @violations;

    push @violations, 'none at all'
        unless grep { defined $_->{date} } @{ $p->{segments} };
    push @violations, map { "none behind the discontinuity of $_->{msn}" }
                      grep { $_->{discontinuity} && !defined $_->{date} }
                      @{ $p->{segments} };

    return @violations;
};


$PLAYLIST{dates_rise_with_the_segments} = sub {
    my $p = $_[0]{p};
    my ($date, @violations);

    for my $segment (@{ $p->{segments} }) {
        $date = undef if $segment->{discontinuity};

        push @violations, "$segment->{msn} steps by "
                          . ($segment->{date} - $date) . " s"
            if defined $date && defined $segment->{date}
               && abs($segment->{date} - $date) > 0.005;

        $date = $segment->{date} // $date;
        $date += $segment->{length} if defined $date;
    }

    return @violations;
};


$PLAYLIST{independent_segments_are} = sub {
    my $p = $_[0]{p};

    return unless $p->{independent_segments};
    return map { "segment $_->{msn} begins with a dependent part" }
           grep { @{ $_->{parts} } && !$_->{parts}[0]{INDEPENDENT} }
           @{ $p->{segments} };
};


$PLAYLIST{parts_leave_in_time} = sub {
    my $p = $_[0]{p};
    my $left = Onair::LLHLS::Playlist::duration($p);
    my @violations;

    for my $segment (@{ $p->{segments} }) {
        my $at = $left;

        for my $part (@{ $segment->{parts} }) {
            $at -= $part->{DURATION};
            push @violations, "$part->{URI} is listed $at s behind the edge"
                if $at > 3 * $p->{target_duration} + $ROUNDING;
        }

        $left -= $segment->{length};
    }

    return @violations;
};


$PLAYLIST{parts_are_listed_at_the_edge} = sub {
    my $p = $_[0]{p};
    my $left = 0;
    my @violations;

    for my $segment (reverse @{ $p->{segments} }) {
        $left += $segment->{length};
        last if $left > 2 * $p->{target_duration};
        push @violations, "none of $segment->{uri}, whose start is $left s"
                          . ' behind the edge'
            unless @{ $segment->{parts} };
    }

    return @violations;
};


$PLAYLIST{one_part_is_hinted_while_live} = sub {
    my $p = $_[0]{p};
    my @parts = grep { ($_->{TYPE} // '') eq 'PART' } @{ $p->{hints} };

    return @{ $p->{hints} } ? 'a hint with ENDLIST' : () if $p->{endlist};
    return @parts . ' hints of a part' if @parts != 1;
    return;
};


$PLAYLIST{the_hint_is_of_no_listed_part} = sub {
    my $p = $_[0]{p};
    my %listed = map { $_->{URI} => 1 } Onair::LLHLS::Playlist::parts($p);

    return map { "$_->{URI} is there already" }
           grep { $listed{$_->{URI} // ''} } @{ $p->{hints} };
};


$PLAYLIST{every_other_rendition_is_reported} = sub {
    my ($c) = @_;
    my %reported;

    return if $c->{p}{endlist};

    $reported{Onair::LLHLS::HTTP::resolve($c->{path}, $_->{URI})}++
        for @{ $c->{p}{reports} };

    my %others = map { $_ => 1 } @{ $c->{others} // [] };

    return map({ "no report on $_" } grep { !$reported{$_} } sort keys %others),
           map({ "$reported{$_} reports on $_" }
               grep { $reported{$_} > 1 } sort keys %reported),
           map({ "a report on $_, which is no other rendition" }
               grep { !$others{$_} } sort keys %reported);
};


$PLAYLIST{the_window_is_long_enough} = sub {
    my $p = $_[0]{p};

    return if $p->{media_sequence} == 0 || ($p->{skipped} && !$p->{merged})
              || $_[0]{late};

    my $sum = 0;
    $sum += $_->{duration} for grep { $_->{complete} } @{ $p->{segments} };

    return $sum < 6 * $p->{target_duration} - $ROUNDING
           ? "$sum s, though segments were removed" : ();
};


$PLAYLIST{a_delta_keeps_what_is_young} = sub {
    my $p = $_[0]{p};

    return unless $p->{skipped} && !$p->{merged};
    return 'a delta update with ENDLIST' if $p->{endlist};

    my $left = Onair::LLHLS::Playlist::duration($p);
    my $until = $p->{server_control}{'CAN-SKIP-UNTIL'} // 0;

    return $left < $until - $ROUNDING
           ? "only $left s are left behind the skip" : ();
};


# --- a playlist and the one before it: { p, before } ----------------------

$SUCCESSION{header_stays} = sub {
    my ($p, $before) = @{ $_[0] }{qw(p before)};

    return map { "$_ was $before->{$_}, is $p->{$_}" }
           grep { ($before->{$_} // '') ne ($p->{$_} // '') }
           qw(target_duration part_target);
};


$SUCCESSION{server_control_stays} = sub {
    my ($p, $before) = @{ $_[0] }{qw(p before)};
    my ($new, $old) = map { join ',', map { my $v = $_->{server_control};
                                            map { "$_=$v->{$_}" }
                                            sort keys %{ $v // {} } } $_ }
                      $p, $before;

    return $new eq $old ? () : "was $old, is $new";
};


$SUCCESSION{sequences_never_decrease} = sub {
    my ($p, $before) = @{ $_[0] }{qw(p before)};

    return map { "$_ was $before->{$_}, is $p->{$_}" }
           grep { $p->{$_} < $before->{$_} }
           qw(media_sequence discontinuity_sequence);
};


$SUCCESSION{the_end_is_final} = sub {
    my ($p, $before) = @{ $_[0] }{qw(p before)};

    return $before->{endlist} && !$p->{endlist} ? 'ENDLIST is gone' : ();
};


# Pairs of the same segment in both playlists.
sub common_segments {
    my ($p, $before) = @_;

    my %old = map { $_->{msn} => $_ } @{ $before->{segments} };

    return map { [$_, $old{$_->{msn}}] }
           grep { $old{$_->{msn}} } @{ $p->{segments} };
}


$SUCCESSION{segments_stay_as_they_were} = sub {
    my ($p, $before) = @{ $_[0] }{qw(p before)};
    my @violations;

    for (common_segments($p, $before)) {
        my ($new, $old) = @$_;

        for my $field (qw(uri duration effective_map discontinuity_number date
                          discontinuity complete))
        {
            next if !defined $old->{$field};
            next if $new->{skipped} && $field eq 'date';
            push @violations, "$field of $new->{msn} was $old->{$field}, is "
                              . ($new->{$field} // 'none')
                if ($new->{$field} // '') ne $old->{$field};
        }
    }

    return @violations;
};


$SUCCESSION{parts_stay_as_they_were} = sub {
    my ($p, $before) = @{ $_[0] }{qw(p before)};
    my @violations;

    for (common_segments($p, $before)) {
        my ($new, $old) = map { $_->{parts} } @$_;

        next if !@$new;
        push @violations, "segment $_->[0]{msn} lost parts" if @$new < @$old;

        for my $i (0 .. ($#$new < $#$old ? $#$new : $#$old)) {
            my ($is, $was) = map { my $part = $_;
                                   join ',', map { "$_=$part->{$_}" }
                                             sort keys %$part }
                             $new->[$i], $old->[$i];
            push @violations, "part $i of $_->[0]{msn} was $was, is $is"
                if $is ne $was;
        }
    }

    return @violations;
};


$SUCCESSION{nothing_is_removed_at_the_edge} = sub {
    my ($p, $before) = @{ $_[0] }{qw(p before)};
    my @new = Onair::LLHLS::Playlist::next_position($p);
    my @old = Onair::LLHLS::Playlist::next_position($before);

    return $new[0] < $old[0] || ($new[0] == $old[0] && $new[1] < $old[1])
           ? "the edge went back from @old to @new" : ();
};


# The URI that was hinted is that of the part behind the last one then.
$SUCCESSION{the_hint_comes_true} = sub {
    my ($p, $before) = @{ $_[0] }{qw(p before)};

    my ($hint) = grep { ($_->{TYPE} // '') eq 'PART' } @{ $before->{hints} };
    my ($msn, $index) = Onair::LLHLS::Playlist::next_position($before);

    return if !$hint;

    my ($next) = grep { $_->{msn} > $msn
                        || ($_->{msn} == $msn && $_->{index} >= $index) }
                 Onair::LLHLS::Playlist::parts($p);

    return if !$next || $next->{URI} eq $hint->{URI};
    return "$hint->{URI} was hinted, $next->{URI} came";
};


# --- a merged delta and a full playlist: { p, full } -----------------------

# As far as both reach; the full one may have been asked for later.
sub delta_equals_full {
    my ($c) = @_;

    my ($p, $full) = @$c{qw(p full)};
    my %full = map { $_->{msn} => $_ } @{ $full->{segments} };
    my @violations;

    for my $segment (@{ $p->{segments} }) {
        my $other = $full{$segment->{msn}};

        if (!$other) {
            push @violations, "$segment->{msn} is not in the full one"
                if $segment->{msn} >= $full->{media_sequence};
            next;
        }

        next if !$segment->{complete};

        for (qw(uri duration effective_map discontinuity_number date)) {
            push @violations, "$_ of $segment->{msn} is "
                              . ($segment->{$_} // 'none') . ' and '
                              . ($other->{$_} // 'none')
                if ($segment->{$_} // '') ne ($other->{$_} // '');
        }
    }

    return @violations;
}


# --- a part: { part, fragments, init, before, target } --------------------

$PART{duration_is_that_of_its_samples} = sub {
    my ($c) = @_;

    my $sum = 0;
    $sum += $_->{duration} for @{ $c->{fragments} };
    $sum /= $c->{init}{timescale};

    return abs($sum - $c->{part}{DURATION}) > $ROUNDING
           ? "$c->{part}{DURATION} s, but samples of $sum s" : ();
};


$PART{independent_is_true} = sub {
    my ($c) = @_;

    my $says = $c->{part}{INDEPENDENT} ? 1 : 0;
    my $is = $c->{fragments}[0]{sync} ? 1 : 0;

    return if $says == $is;
    return $says ? 'INDEPENDENT=YES on a part without a keyframe at its start'
                 : 'no INDEPENDENT=YES on a part that starts with a keyframe';
};


$PART{sequence_numbers_run_on} = sub {
    my ($c) = @_;

    my $last = $c->{before} && $c->{before}{sequence};
    my @violations;

    for (@{ $c->{fragments} }) {
        push @violations, "$_->{sequence} behind $last"
            if defined $last && $_->{sequence} != $last + 1;
        $last = $_->{sequence};
    }

    return @violations;
};


$PART{decode_times_run_on} = sub {
    my ($c) = @_;

    my $end = $c->{before} && $c->{before}{time} + $c->{before}{duration};
    my @violations;

    for (@{ $c->{fragments} }) {
        push @violations, "$_->{time} where $end was due"
            if defined $end && $_->{time} != $end && !$c->{discontinuity};
        $end = $_->{time} + $_->{duration};
    }

    return @violations;
};


# --- a segment: { segment, body, parts_body, fragments, init, first } -------

$SEGMENT{is_the_concatenation_of_its_parts} = sub {
    my ($c) = @_;

    return if !defined $c->{parts_body} || $c->{body} eq $c->{parts_body};
    return length($c->{body}) . ' bytes, the parts have '
           . length($c->{parts_body});
};


$SEGMENT{duration_is_that_of_its_samples} = sub {
    my ($c) = @_;

    my $sum = 0;
    $sum += $_->{duration} for @{ $c->{fragments} };
    $sum /= $c->{init}{timescale};

    return abs($sum - $c->{segment}{duration}) > $ROUNDING
           ? "$c->{segment}{duration} s, but samples of $sum s" : ();
};


$SEGMENT{independent_segments_begin_with_a_keyframe} = sub {
    my ($c) = @_;

    return $c->{all_independent} && !$c->{fragments}[0]{sync}
           ? 'EXT-X-INDEPENDENT-SEGMENTS is not true' : ();
};


# --- the multivariant playlist: { p } -------------------------------------

$MULTIVARIANT{syntax} = sub { @{ $_[0]{p}{errors} } };


$MULTIVARIANT{variants_are_described} = sub {
    my $p = $_[0]{p};
    my @violations;

    push @violations, 'no variant' unless @{ $p->{variants} };

    for my $variant (@{ $p->{variants} }) {
        my @need = qw(BANDWIDTH AVERAGE-BANDWIDTH CODECS);
        push @need, qw(RESOLUTION FRAME-RATE)
            if ($variant->{CODECS} // '') =~ /avc|hvc|hev|av01/;

        push @violations, map { "$variant->{uri} without $_" }
                          grep { !exists $variant->{$_} } @need;
        push @violations, "$variant->{uri}: the average is above the peak"
            if ($variant->{'AVERAGE-BANDWIDTH'} // 0) > $variant->{BANDWIDTH};
    }

    return @violations;
};


$MULTIVARIANT{groups_exist} = sub {
    my $p = $_[0]{p};
    my %groups = map { $_->{'GROUP-ID'} => 1 } @{ $p->{media} };

    return map { "no group $_->{AUDIO}" }
           grep { defined $_->{AUDIO} && !$groups{$_->{AUDIO}} }
           @{ $p->{variants} };
};


$MULTIVARIANT{renditions_of_a_group_have_names_of_their_own} = sub {
    my (%seen, @violations);

    for (@{ $_[0]{p}{media} }) {
        my $name = "$_->{'GROUP-ID'}/$_->{NAME}";
        push @violations, "$name twice" if $seen{$name}++;
        push @violations, "$name without CHANNELS"
            if $_->{TYPE} eq 'AUDIO' && !$_->{CHANNELS};
        push @violations, "$name has DEFAULT=YES without AUTOSELECT"
            if ($_->{DEFAULT} // '') eq 'YES'
               && ($_->{AUTOSELECT} // 'YES') ne 'YES';
    }

    return @violations;
};


# --- all renditions together: { multivariant, renditions } -----------------
# Each rendition: { path, init, epochs, numbers, seen, reports, control,
# target_duration, peak_bps }.

$PRESENTATION{codecs_are_those_of_the_media} = sub {
    my ($c) = @_;
    my @violations;

    for my $variant (@{ $c->{multivariant}{variants} }) {
        my %told = map { lc $_ => 1 } split /,/, $variant->{CODECS} // '';

        for my $r (variant_renditions($c, $variant)) {
            my $codec = $r->{init}{codec} // next;
            push @violations, "$variant->{uri}: no $codec of $r->{path}"
                unless $told{$codec}
                       || grep({ /^\Q$codec\E\./ } keys %told)
                       || ($codec eq 'mp4a.40.2' && $told{'mp4a.40.5'});
        }
    }

    return @violations;
};


sub variant_renditions {
    my ($c, $variant) = @_;

    my @uris = ($variant->{uri},
                map({ $_->{URI} }
                    grep { defined $_->{URI} && defined $variant->{AUDIO}
                           && $_->{'GROUP-ID'} eq $variant->{AUDIO} }
                    @{ $c->{multivariant}{media} }));

    return grep { defined }
           map { $c->{renditions}{Onair::LLHLS::HTTP::resolve($c->{path}, $_)} }
           @uris;
}


$PRESENTATION{resolution_is_true} = sub {
    my ($c) = @_;
    my @violations;

    for my $variant (@{ $c->{multivariant}{variants} }) {
        my ($r) = variant_renditions($c, $variant);
        next unless $r && $r->{init}{width} && $variant->{RESOLUTION};

        my $is = "$r->{init}{width}x$r->{init}{height}";
        push @violations, "$variant->{RESOLUTION}, the media has $is"
            if $is ne $variant->{RESOLUTION};
    }

    return @violations;
};


$PRESENTATION{frame_rate_is_true} = sub {
    my ($c) = @_;
    my @violations;

    for my $variant (@{ $c->{multivariant}{variants} }) {
        my ($r) = variant_renditions($c, $variant);
        next unless $r && $r->{frame_rate} && $variant->{'FRAME-RATE'};

        push @violations, "$variant->{'FRAME-RATE'}, the media has"
                          . " $r->{frame_rate}"
            if abs($variant->{'FRAME-RATE'} / $r->{frame_rate} - 1) > 0.02;
    }

    return @violations;
};


$PRESENTATION{bandwidth_is_the_peak} = sub {
    my ($c) = @_;
    my @violations;

    for my $variant (@{ $c->{multivariant}{variants} }) {
        my ($own, @audio) = map { $_->{peak_bps} // 0 }
                            variant_renditions($c, $variant);
        my ($most) = sort { $b <=> $a } @audio, 0;
        my $peak = ($own // 0) + $most;

        push @violations, "$variant->{BANDWIDTH}, the media has $peak"
            if $peak > 1.1 * $variant->{BANDWIDTH};
    }

    return @violations;
};


$PRESENTATION{target_durations_are_the_same} = sub {
    my ($c) = @_;
    my %have = map { $_->{target_duration} => 1 } values %{ $c->{renditions} };

    return keys %have > 1 ? join ', ', sort keys %have : ();
};


$PRESENTATION{server_control_is_the_same} = sub {
    my ($c) = @_;
    my %have = map { $_->{control} => 1 } values %{ $c->{renditions} };

    return keys %have > 1 ? join ' and ', sort keys %have : ();
};


# How far values lie apart, by discontinuity: [ number, value ] ….
sub spreads {
    my (%lowest, %highest);

    for (@_) {
        my ($number, $value) = @$_;
        $lowest{$number} = $value if $value < ($lowest{$number} // 9e99);
        $highest{$number} = $value if $value > ($highest{$number} // 0);
    }

    return map { $_ => $highest{$_} - $lowest{$_} } sort keys %lowest;
}


# Program date minus decode time: one value within a rendition.
$PRESENTATION{dates_follow_the_media} = sub {
    my ($c) = @_;
    my @violations;

    for my $r (values %{ $c->{renditions} }) {
        my %spread = spreads(@{ $r->{epochs} // [] });
        push @violations,
             map { sprintf 'discontinuity %d of %s: off by %.6f s', $_,
                           $r->{path}, $spread{$_} }
             grep { $spread{$_} > 0.0025 } sort keys %spread;
    }

    return @violations;
};


# Program date minus presentation time of keyframes: one value for all.
$PRESENTATION{dates_map_alike_in_all_renditions} = sub {
    my ($c) = @_;

    my %spread = spreads(map { [ $_->[0], $_->[2] ] } grep { $_->[3] }
                         map { @{ $_->{epochs} // [] } }
                         values %{ $c->{renditions} });

    return map { sprintf 'discontinuity %d: they differ by %.6f s', $_,
                         $spread{$_} }
           grep { $spread{$_} > 0.0025 }
           sort keys %spread;
};


# { at, path, msn, part } against when the other rendition had that part.
$PRESENTATION{reports_are_not_from_the_future} = sub {
    my ($c) = @_;
    my @violations;

    for my $r (values %{ $c->{renditions} }) {
        for my $report (@{ $r->{reports} // [] }) {
            my $other = $c->{renditions}{$report->{path}} or next;
            my $seen = $other->{seen}{"$report->{msn}.$report->{part}"}
                       // unseen($other, $report);

            push @violations, sprintf 'on %s: %d.%d %.1f s early',
                                      $report->{path}, $report->{msn},
                                      $report->{part}, $seen - $report->{at}
                if defined $seen && $seen - $report->{at} > $c->{slack};
        }
    }

    return @violations;
};


# A part that the other rendition did not have by the end of the check.
sub unseen {
    my ($other, $report) = @_;

    my ($msn, $part) = @{ $other->{edge} };

    return $report->{msn} > $msn
           || ($report->{msn} == $msn && $report->{part} >= $part)
           ? $other->{until} : undef;
}


$PRESENTATION{reports_are_not_stale} = sub {
    my ($c) = @_;
    my @violations;

    for my $r (values %{ $c->{renditions} }) {
        for my $report (@{ $r->{reports} // [] }) {
            my $other = $c->{renditions}{$report->{path}} or next;
            my $ended = $other->{superseded}{"$report->{msn}.$report->{part}"};

            push @violations, sprintf 'on %s: %d.%d is %.1f s old',
                                      $report->{path}, $report->{msn},
                                      $report->{part}, $report->{at} - $ended
                if defined $ended
                   && $report->{at} - $ended > $c->{slack};
        }
    }

    return @violations;
};


1;
