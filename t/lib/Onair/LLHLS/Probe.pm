package Onair::LLHLS::Probe;

# Questions to the server, each on one rule: whether it answers as it must.
# A probe is given a follower and returns a text for each violation.

use strict;
use warnings;

use Time::HiRes qw(time);
use Onair::LLHLS::HTTP;
use Onair::LLHLS::Playlist;


our %PROBE;


sub get {
    my ($f, $path, %headers) = @_;

    return $f->{client}->get($path, %headers);
}


sub sibling {
    my ($f, $uri) = @_;

    return Onair::LLHLS::HTTP::resolve($f->{path}, $uri);
}


sub expect {
    my ($f, $status, @paths) = @_;

    return map { "$_->{path}: $_->{status}, not $status" }
           grep { $_->{status} != $status } map { get($f, $_) } @paths;
}


sub last_segment {
    my ($f) = @_;

    my ($last) = grep { $_->{complete} } reverse @{ $f->{p}{segments} };

    return $last;
}


$PROBE{a_part_without_msn_is_refused} = sub {
    my ($f) = @_;

    return expect($f, 400, "$f->{path}?_HLS_part=0");
};


$PROBE{what_is_no_number_is_refused} = sub {
    my ($f) = @_;

    return expect($f, 400, map { "$f->{path}?$_" }
                           qw(_HLS_msn=x _HLS_msn=-1 _HLS_msn=1&_HLS_part=x
                              _HLS_msn=99999999999999999999999));
};


$PROBE{too_far_ahead_is_refused} = sub {
    my ($f) = @_;

    my ($msn, $part) = Onair::LLHLS::Playlist::next_position($f->{p});
    my $target = $f->{p}{part_target} || 1;
    my $limit = $target < 1 ? int(3 / $target) + 1 : 3;

    # behind what a request may ask for, also if some parts came meanwhile
    return expect($f, 400, "$f->{path}?_HLS_msn=" . ($msn + 5),
                  "$f->{path}?_HLS_msn=" . ($msn + 1) . '&_HLS_part='
                  . ($part + $limit + 50));
};


$PROBE{an_old_msn_answers_at_once_in_full} = sub {
    my ($f) = @_;

    my @violations;

    for my $args ("_HLS_msn=0", "_HLS_msn=0&_HLS_part=0",
                  "_HLS_msn=$f->{p}{media_sequence}&_HLS_part=0")
    {
        my $r = get($f, "$f->{path}?$args");
        my $p = Onair::LLHLS::Playlist::parse($r->{body});

        push @violations, "$args: $r->{status}" if $r->{status} != 200;
        push @violations, "$args: an old playlist"
            if $p->{media_sequence} < $f->{p}{media_sequence};
        push @violations, "$args: " . @{ $p->{segments} } . ' segments'
            if @{ $p->{segments} } < @{ $f->{p}{segments} } - 1;
    }

    return @violations;
};


$PROBE{other_parameters_are_passed_over} = sub {
    my ($f) = @_;

    return expect($f, 200, "$f->{path}?a=b&_HLSX=1&c",
                  "$f->{path}?_HLS_skip=maybe");
};


$PROBE{what_is_unknown_is_not_found_at_once} = sub {
    my ($f) = @_;

    my ($msn) = Onair::LLHLS::Playlist::next_position($f->{p});
    my ($top) = $f->{path} =~ m{^(.*/)[^/]+/[^/]+/[^/]+$};
    my $before = time();

    my @violations = expect($f, 404,
        map({ sibling($f, $_) } 'nothing', 'seg-' . ($msn + 1000) . '.m4s',
            'part-' . ($msn + 1000) . '.0.m4s', "part-$msn.9999.m4s",
            'init-4000000000.mp4', 'seg-x.m4s', 'seg-01.m4s',
            '../nothing/index.m3u8'),
        defined $top ? ("${top}aaaaaaaaaaaab/video/index.m3u8",
                        "${top}x/video/index.m3u8") : ());

    push @violations, sprintf 'it took %.1f s', time() - $before
        if time() - $before > $f->{p}{target_duration} + 3;

    return @violations;
};


$PROBE{gzip_is_the_same_text} = sub {
    my ($f) = @_;

    my ($plain, $zipped);

    # the playlist may grow between the two
    for (1 .. 20) {
        $plain = get($f, "$f->{path}?_HLS_msn=0");
        $zipped = get($f, "$f->{path}?_HLS_msn=0",
                      'Accept-Encoding' => 'gzip');
        last if $plain->{body} eq $zipped->{body};
    }

    my @violations;

    push @violations, 'no Content-Encoding: gzip'
        if ($zipped->{headers}{'content-encoding'} // '') ne 'gzip';
    push @violations, 'gzip without being asked'
        if $plain->{headers}{'content-encoding'};
    push @violations, 'no Vary: Accept-Encoding'
        if ($zipped->{headers}{vary} // '') !~ /accept-encoding/i;
    push @violations, 'they differ' if $plain->{body} ne $zipped->{body};

    return @violations;
};


$PROBE{head_has_the_headers_of_get} = sub {
    my ($f) = @_;

    my $last = last_segment($f) or return;
    my @violations;

    for my $path (sibling($f, $last->{uri}), sibling($f, $f->{map}),
                  $f->{path})
    {
        my $get = get($f, $path);
        my $head = $f->{client}->request('HEAD', $path);

        push @violations, "$path: HEAD is answered with $head->{status}"
            if $head->{status} != $get->{status};
        push @violations, map { "$path: $_" } header_differences($get, $head);
    }

    return @violations;
};


sub header_differences {
    my ($get, $head) = @_;

    my %skip = map { $_ => 1 } qw(date age connection keep-alive);
    my %names = map { $_ => 1 } keys %{ $get->{headers} },
                                keys %{ $head->{headers} };

    # a playlist may have grown between the two
    @skip{qw(etag last-modified content-length)} = (1, 1, 1)
        if $get->{path} =~ /m3u8/;

    return map { "$_ is " . ($get->{headers}{$_} // 'absent') . ' and '
                 . ($head->{headers}{$_} // 'absent') }
           grep { ($get->{headers}{$_} // '') ne ($head->{headers}{$_} // '') }
           grep { !$skip{$_} } sort keys %names;
}


$PROBE{ranges_are_of_the_segment} = sub {
    my ($f) = @_;

    my $last = last_segment($f) or return;
    my $path = sibling($f, $last->{uri});
    my $whole = get($f, $path)->{body};
    my $size = length $whole;
    my @violations;

    return "$path is empty" unless $size > 100;

    for (['bytes=0-0', 0, 1], ['bytes=10-99', 10, 90], ['bytes=50-', 50],
         ['bytes=-20', $size - 20, 20])
    {
        my ($range, $from, $length) = @$_;
        my $r = get($f, $path, Range => $range);
        my $part = substr $whole, $from, $length // $size;
        my $told = sprintf 'bytes %d-%d/%d', $from, $from + length($part) - 1,
                           $size;

        push @violations, "$range: $r->{status}" if $r->{status} != 206;
        push @violations, "$range: other bytes" if $r->{body} ne $part;
        push @violations, "$range: Content-Range is not $told"
            if ($r->{headers}{'content-range'} // '') ne $told;
    }

    push @violations, expect_range_refused($f, $path, $size);

    return @violations;
};


sub expect_range_refused {
    my ($f, $path, $size) = @_;

    my $r = get($f, $path, Range => "bytes=$size-");

    return $r->{status} == 416 ? ()
                               : "bytes=$size-: $r->{status}, not 416";
}


1;
