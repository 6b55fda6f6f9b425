package Onair::LLHLS::Follower;

# Plays one rendition as a low-latency player does: a blocking reload and a
# request for the hinted part at a time, everything checked on the way.

use strict;
use warnings;

use Time::HiRes qw(sleep time);
use Onair::LLHLS::HTTP;
use Onair::LLHLS::Media;
use Onair::LLHLS::Playlist;
use Onair::LLHLS::Probe;
use Onair::LLHLS::Responses;
use Onair::LLHLS::Rules;


# Violations of one rule that are kept; more are only counted.
my $KEPT = 5;


# host, port, path; others: the paths of the other renditions; until: when to
# stop; options: allow_gap, allow_end, allow_late, probes.
sub new {
    my ($class, %f) = @_;

    my $f = bless {
        %f, violations => [], counts => {}, bodies => {}, done => {},
        seen => {}, superseded => {}, epochs => [], reports => [],
        inits => {}, spreads => [], steps => 0, parts => 0, segments => 0,
        peak_bps => 0, durations => {}, leaving => [], deltas => 0,
    }, $class;

    $f->{$_} = Onair::LLHLS::HTTP->new($f->{host}, $f->{port})
        for qw(client reload hint);

    return $f;
}


sub violation {
    my ($f, $rule, $text, $where) = @_;

    push @{ $f->{violations} }, { rule => $rule, text => $text,
                                  where => $where // $f->{path} }
        if ++$f->{counts}{$rule} <= $KEPT;
}


sub apply {
    my ($f, $table, $context) = @_;

    $context->{where} //= $f->{path};

    $f->violation(@{$_}{qw(rule text where)})
        for Onair::LLHLS::Rules::apply($table, $context);
}


sub check_response {
    my ($f, $kind, $response) = @_;

    $f->apply(\%Onair::LLHLS::Responses::RESPONSE, {
        response => $response, kind => $kind, where => $response->{path},
        target_duration => $f->{p}{target_duration} || 2 });
}


sub run {
    my ($f) = @_;

    return $f unless $f->begin;

    my $probed = 0;

    while (time() < $f->{until} && !$f->{p}{endlist}) {
        last unless $f->step;

        if ($f->{probes} && !$probed && $f->{segments} >= 2) {
            $f->probe;
            $probed = 1;
        }
    }

    $f->check_end if $f->{p}{endlist};
    $f->finish;

    return $f;
}


# The first playlist, which a young stream may not have yet.
sub begin {
    my ($f) = @_;

    my $r;

    while (1) {
        $r = $f->{client}->get($f->{path});
        last if $r->{status} == 200 || time() > $f->{until};
        sleep 0.2;
    }

    if ($r->{status} != 200) {
        $f->violation('the_playlist_is_there', "status $r->{status}");
        return 0;
    }

    my $p = Onair::LLHLS::Playlist::parse($r->{body});
    $f->{p} = $p;
    $f->check_response(playlist => $r);
    $f->check_playlist($p);
    $f->{target_duration} = $p->{target_duration};
    $f->{control} = join ',', map { "$_=$p->{server_control}{$_}" }
                              sort keys %{ $p->{server_control} // {} };
    $f->take($p, time());

    return 1;
}


sub check_playlist {
    my ($f, $p) = @_;

    $f->{first_sequence} //= $p->{media_sequence};

    $f->apply(\%Onair::LLHLS::Rules::PLAYLIST,
              { p => $p, path => $f->{path}, others => $f->{others},
                late => $f->{allow_late}
                        && $p->{media_sequence} == $f->{first_sequence} });
}


sub step {
    my ($f) = @_;

    my ($msn, $part) = Onair::LLHLS::Playlist::next_position($f->{p});
    my $delta = ++$f->{steps} % 3;
    my $hinted = $f->start_hint;

    $f->{reload}->start(GET => "$f->{path}?_HLS_msn=$msn&_HLS_part=$part"
                               . ($delta ? '&_HLS_skip=YES' : ''),
                        $f->{steps} % 2 ? ('Accept-Encoding' => 'gzip') : ());

    my $timeout = 3 * ($f->{p}{target_duration} || 2) + 5;
    my ($reload, $hint) = Onair::LLHLS::HTTP::wait_all($timeout, $f->{reload},
                                               $hinted ? $f->{hint} : ());

    $f->end_hint($hint) if $hint;

    return $f->late($reload) if $reload->{status} != 200;

    $f->check_response(blocking => $reload);
    $f->take_reload($reload, $msn, $part);

    return 1;
}


# Asks early for what the playlist hints.
sub start_hint {
    my ($f) = @_;

    my ($hint) = @{ $f->{p}{hints} } or return 0;
    my $path = Onair::LLHLS::HTTP::resolve($f->{path}, $hint->{URI} // '');

    return 0 if exists $f->{bodies}{$path};

    $f->{hint}->start(GET => $path);

    return 1;
}


sub end_hint {
    my ($f, $r) = @_;

    if ($r->{status} != 200) {
        $f->violation('a_hinted_part_is_answered', "$r->{path}: $r->{status} "
                      . ($r->{error} // '')) unless $f->{allow_gap};
        return;
    }

    $f->check_response(media => $r);
    $f->{bodies}{$r->{path}} = $r->{body};
    push @{ $f->{spreads} }, $r->{last_at} - $r->{first_at};
}


# No playlist within the time: 503 when the publisher has gone.
sub late {
    my ($f, $r) = @_;

    if ($r->{status} == 503 && $f->{allow_gap}) {
        return 1;
    }

    $f->violation('a_reload_is_answered',
                  "$r->{path}: $r->{status} " . ($r->{error} // ''));

    return $r->{status} == 503;
}


sub take_reload {
    my ($f, $r, $msn, $part) = @_;

    my $before = $f->{p};
    my $p = Onair::LLHLS::Playlist::parse($r->{body});
    my @position = Onair::LLHLS::Playlist::next_position($p);

    $f->violation('a_reload_waits_for_what_it_asked',
                  "$r->{path} is answered with @position")
        unless $p->{endlist} || $position[0] > $msn
               || ($position[0] == $msn && $position[1] > $part);

    $f->check_playlist($p);
    $f->violation('a_skip_is_answered_with_a_skip_only',
                  "$r->{path} is answered with one")
        if $p->{skipped} && $r->{path} !~ /_HLS_skip/;

    my $merged = Onair::LLHLS::Playlist::merge($before, $p);

    if (!$merged) {
        $f->violation('a_delta_fits_what_was_there',
                      "$p->{skipped} of $p->{media_sequence} on");
        $merged = Onair::LLHLS::Playlist::parse(
                      $f->{client}->get($f->{path})->{body});
    }

    $f->check_merged($merged) if $merged->{merged};
    $f->apply(\%Onair::LLHLS::Rules::SUCCESSION,
              { p => $merged, before => $before });
    $f->take($merged, $r->{last_at});
}


# Now and then, against the full playlist asked for right behind.
sub check_merged {
    my ($f, $p) = @_;

    return if $f->{deltas}++ % 5;

    my $full = Onair::LLHLS::Playlist::parse(
                   $f->{client}->get($f->{path})->{body});

    $f->violation('a_delta_makes_up_the_full_playlist', $_)
        for Onair::LLHLS::Rules::delta_equals_full({ p => $p,
                                                     full => $full });
}


# A full or merged playlist: everything new in it.
sub take {
    my ($f, $p, $at) = @_;

    my $before = $f->{p};

    $f->{p} = $p;
    $f->take_reports($p, $at);
    $f->take_leaving($before, $p, $at);
    $f->take_part($p, $_, $at) for Onair::LLHLS::Playlist::parts($p);

    for my $segment (grep { $_->{complete} && !$_->{skipped} }
                     @{ $p->{segments} })
    {
        $f->take_segment($p, $segment)
            if $f->{begun}{$segment->{msn}}
               && !$f->{done}{"seg $segment->{msn}"}++;
    }

    $f->{edge} = [Onair::LLHLS::Playlist::next_position($p)];
}


sub take_reports {
    my ($f, $p, $at) = @_;

    push @{ $f->{reports} }, map { {
        at => $at, msn => $_->{'LAST-MSN'} // 0, part => $_->{'LAST-PART'} // 0,
        path => Onair::LLHLS::HTTP::resolve($f->{path}, $_->{URI} // '') } }
        @{ $p->{reports} };
}


# What has left the playlist is fetched again later: 6.2.2.
sub take_leaving {
    my ($f, $before, $p, $at) = @_;

    my %listed = map { $_->{URI} => 1 } Onair::LLHLS::Playlist::parts($p);
    my $target = $p->{target_duration} || 2;

    push @{ $f->{leaving} },
        map { { uri => $_->{URI}, rule => 'parts_stay_fetchable',
                from => $at + 2.5 * $target, to => $at + 3 * $target - 0.2 } }
        grep { !$listed{$_->{URI}} } Onair::LLHLS::Playlist::parts($before);

    push @{ $f->{leaving} },
        map { { uri => $_->{uri}, rule => 'segments_stay_fetchable',
                from => $at, to => $at + $_->{length} } }
        grep { $_->{complete} && $_->{msn} < $p->{media_sequence} }
        @{ $before->{segments} };

    my $now = time();
    my ($due) = grep { $now >= $_->{from} && $now <= $_->{to} }
                @{ $f->{leaving} };

    @{ $f->{leaving} } = grep { $now < $_->{from} } @{ $f->{leaving} };
    $f->fetch(@$due{qw(uri rule)}) if $due;
}


sub fetch {
    my ($f, $uri, $rule) = @_;

    my $path = Onair::LLHLS::HTTP::resolve($f->{path}, $uri);
    my $r = $f->{client}->get($path);

    if ($r->{status} != 200) {
        $f->violation($rule, "$path: $r->{status} " . ($r->{error} // ''));
        return undef;
    }

    $f->check_response(media => $r);

    return $r->{body};
}


sub init {
    my ($f, $uri) = @_;

    return $f->{inits}{$uri} if $f->{inits}{$uri};

    my $body = $f->fetch($uri, 'an_init_segment_is_there') // return;
    my $init = eval { Onair::LLHLS::Media::init($body) };

    return $f->violation('an_init_segment_is_one', "$uri: $@") && undef
        unless $init;

    $f->{map} = $uri;
    $init->{body} = $body;

    return $f->{inits}{$uri} = $f->{init} = $init;
}


sub take_part {
    my ($f, $p, $part, $at) = @_;

    my $key = "$part->{msn}.$part->{index}";

    return if $f->{done}{$key}++;

    $f->{superseded}{$f->{last_key}} = $at if defined $f->{last_key};
    $f->{last_key} = $key;
    $f->{seen}{$key} = $at;
    $f->{begun}{$part->{msn}} = '' if $part->{index} == 0;

    my $path = Onair::LLHLS::HTTP::resolve($f->{path}, $part->{URI});
    my $body = exists $f->{bodies}{$path}
               ? delete $f->{bodies}{$path}
               : $f->fetch($part->{URI}, 'a_listed_part_is_there');

    if (!defined $body) {
        delete $f->{begun}{$part->{msn}};
        return $f->{before} = undef;
    }

    $f->{begun}{$part->{msn}} .= $body if defined $f->{begun}{$part->{msn}};
    $f->check_part($part, $body, $path);
}


sub check_part {
    my ($f, $part, $body, $path) = @_;

    my $init = $f->init($part->{segment}{effective_map} // $f->{map} // '')
        or return;
    my @fragments = eval { Onair::LLHLS::Media::fragments($body, $init) };

    if ($@) {
        $f->violation('a_part_is_made_of_fragments', "$path: $@");
        return $f->{before} = undef;
    }

    $f->apply(\%Onair::LLHLS::Rules::PART, {
        part => $part, fragments => \@fragments, init => $init, where => $path,
        before => $f->{before},
        discontinuity => $part->{index} == 0
                         && $part->{segment}{discontinuity} });

    $f->{before} = $fragments[-1];
    $f->{parts}++;
    $f->{durations} = {} if $part->{index} == 0
                            && $part->{segment}{discontinuity};
    $f->{durations}{$_->{duration}}++ for map { @{ $_->{samples} } } @fragments;

    # program date minus the time of decoding and of presentation
    push @{ $f->{epochs} }, [ $part->{segment}{discontinuity_number},
        map({ $part->{segment}{date} - $fragments[0]{$_} / $init->{timescale} }
            qw(time presented)), $fragments[0]{sync} ]
        if $part->{index} == 0 && defined $part->{segment}{date};
}


sub take_segment {
    my ($f, $p, $segment) = @_;

    my $parts_body = delete $f->{begun}{$segment->{msn}};
    my $body = $f->fetch($segment->{uri}, 'a_listed_segment_is_there') // return;
    my $init = $f->init($segment->{effective_map} // $f->{map} // '') or return;
    my @fragments = eval { Onair::LLHLS::Media::fragments($body, $init) };

    return $f->violation('a_segment_is_made_of_fragments',
                         "$segment->{uri}: $@") if $@;

    $f->apply(\%Onair::LLHLS::Rules::SEGMENT, {
        segment => $segment, body => $body, parts_body => $parts_body,
        fragments => \@fragments, init => $init,
        all_independent => $p->{independent_segments},
        where => $segment->{uri} });

    # the definition of BANDWIDTH passes over what is shorter
    my $bps = 8 * length($body) / ($segment->{duration} || 1);
    $f->{peak_bps} = $bps
        if $bps > $f->{peak_bps}
           && $segment->{duration} >= 0.5 * $p->{target_duration};
    $f->{segments}++;
}


sub probe {
    my ($f) = @_;

    my $path = $f->{path};
    my $client = $f->{client};

    $f->apply(\%Onair::LLHLS::Probe::PROBE, $f);
    delete $f->{where};

    $f->check_response(missing => $client->get(
        Onair::LLHLS::HTTP::resolve($path, 'seg-4000000000.m4s')));
    $f->check_response(bad => $client->get("$path?_HLS_part=0"));
    $f->check_response(playlist => $client->get($path));
}


sub finish {
    my ($f) = @_;

    for my $uri (sort keys %{ $f->{inits} }) {
        my $body = $f->fetch($uri, 'an_init_segment_stays') // next;
        $f->violation('media_never_changes', $uri)
            if $body ne $f->{inits}{$uri}{body};
    }

    my @spreads = sort { $a <=> $b } @{ $f->{spreads} };
    my $median = $spreads[@spreads / 2] // 0;

    $f->violation('a_hinted_part_comes_whole',
                  "half of them took more than $median s to arrive")
        if @spreads >= 10 && $median > 0.4 * $f->{p}{part_target};

    $f->violation('parts_are_seen', 'there was none') unless $f->{parts};
}


# With ENDLIST, a server answers at once, whatever is asked for.
sub check_end {
    my ($f) = @_;

    $f->violation('the_stream_goes_on', 'ENDLIST') unless $f->{allow_end};

    my ($msn) = Onair::LLHLS::Playlist::next_position($f->{p});

    for my $args ("_HLS_msn=$msn", '_HLS_msn=4000000000',
                  "_HLS_msn=$msn&_HLS_part=3&_HLS_skip=YES")
    {
        my $r = $f->{client}->get("$f->{path}?$args");
        my $p = Onair::LLHLS::Playlist::parse($r->{body});

        $f->violation('the_end_turns_blocking_off', "$args: $r->{status}")
            if $r->{status} != 200 || !$p->{endlist} || $p->{skipped};
        $f->check_playlist($p) if $r->{status} == 200;
    }
}


# What the other processes need to know.
sub summary {
    my ($f) = @_;

    my ($common) = sort { $f->{durations}{$b} <=> $f->{durations}{$a} }
                   keys %{ $f->{durations} };
    my $init = { %{ $f->{init} // {} }, body => undef };

    return {
        map({ $_ => $f->{$_} } qw(path violations counts seen superseded epochs
                                  reports target_duration control peak_bps edge
                                  parts segments steps deltas)),
        until => time(),
        init => $init,
        frame_rate => $common && ($init->{handler} // '') eq 'vide'
                      ? $init->{timescale} / $common : undef,
    };
}


1;
